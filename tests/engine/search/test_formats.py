"""A folder with a real file of every format: what is searchable offline, and where a citation opens."""

import re
from pathlib import Path

import pytest

from objlib.core.config.settings import Settings
from objlib.core.library.mime import ACCEPTED, detect
from objlib.embedded.text.extract import REFUSED, UnindexableError, extract
from objlib.engine.search.ask import search
from objlib.engine.upload.run import upload
from tests.support.engine import Opener
from tests.support.formats.samples import SAMPLES, Sample, sample_of

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text("utf-8")
TABLE = {
    suffix: cells
    for line in PAGE.splitlines()
    if line.startswith("| `.")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    for suffix in re.findall(r"`\.([\w]+)`", cells[0])
}


def fill(library: Path) -> None:
    for sample in SAMPLES:
        (library / sample.name).write_bytes(sample.data)


async def test_each_sample_is_found_at_its_place_or_skipped_as_the_page_says(
    opened: Opener, library: Path
) -> None:
    fill(library)
    async with opened() as app:
        report = await upload(app)
        assert report.failed == 0
        skips = {skip.path: skip.error for skip in report.skips}
        for sample in SAMPLES:
            offline = TABLE[sample.name.partition(".")[2]][2]
            if sample.name in skips:
                assert offline == "skipped"
                continue
            found = await search(app, sample.word, top_k=3)
            citation = found.citations[0]
            assert (sample.name, citation.path, citation.place) == (sample.name, sample.name, sample.place)
            assert sample.word in citation.text
            assert offline == "searchable"
    assert skips == {"sample.zip": REFUSED["application/zip"]}


async def test_what_the_service_does_not_take_is_skipped_for_it_alone(
    opened: Opener, settings: Settings, library: Path
) -> None:
    for sample in SAMPLES:
        mime = detect(sample.name, sample.data)
        assert (mime in ACCEPTED) == (TABLE[sample.name.partition(".")[2]][3] != "skipped")


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_the_page_names_the_type_and_the_place_of_each_sample(sample: Sample) -> None:
    suffix = sample.name.partition(".")[2]
    assert TABLE[suffix][1] == f"`{detect(sample.name, sample.data)}`"
    kind = (sample.place or "").split(", ")[-1].split(" ")[0].rstrip("s")
    assert kind in TABLE[suffix][4]


@pytest.mark.parametrize("mime_type", sorted(ACCEPTED))
def test_every_type_of_the_service_is_read_or_refused_with_a_reason(mime_type: str) -> None:
    data, word = sample_of(mime_type)
    if mime_type in REFUSED:
        with pytest.raises(UnindexableError) as caught:
            extract(data, mime_type=mime_type, name="file")
        assert str(caught.value) == REFUSED[mime_type]
    else:
        assert word in extract(data, mime_type=mime_type, name="file").text
    assert f"`{mime_type}`" in PAGE or mime_type.startswith("text/")

"""A folder of 45 usual files, through the real entry point: what is no text is skipped, and that is said."""

import io
import struct
import tarfile
import wave
import zipfile
import zlib
from pathlib import Path

import pytest

from objlib.core.errors import Exit
from tests.cli.conftest import Objlib, an_environment, an_objlib

TEXTS: dict[str, str | bytes] = {
    "readme.txt": "The plan of the year, in a few words.\n",
    "shopping list.txt": "bread, wine, candles\n",
    "letter to Ada.txt": "Dear Ada, the engine works.\r\nYours, Charles\r\n",
    "old note.txt": "Caf\u00e9 cr\u00e8me, d\u00e9j\u00e0 vu".encode("latin-1"),
    "from windows.txt": "A note of Notepad, in UTF-16.".encode("utf-16"),
    "日本語.txt": "吾輩は猫である。\n",
    "notes/ideas.md": "# Ideas\n\nA garden behind the house.\n",
    "notes/2021.md": "---\ntitle: The year\nauthor: {name: Ada}\n---\n\nMuch snow in January.\n",
    "notes/recipe.markdown": "## Soup\n\n- leek\n- potato\n",
    "notes/meeting.rst": "Meeting\n=======\n\nNobody came.\n",
    "notes/todo.org": "* Water the plants\n",
    "web/page.html": "<html><title>A page</title><body><p>Words on a page.</p></body></html>",
    "web/saved.htm": "<p>Saved from the web.",
    "web/feed.xml": "<?xml version='1.0'?><feed><title>News of the village</title></feed>",
    "web/page.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Strict words</p></body></html>',
    "data/table.csv": "name,age\nAda,36\n",
    "data/table.tsv": "name\tage\nCharles\t79\n",
    "data/config.json": '{"colour": "green"}',
    "data/config.yaml": "colour: green\n",
    "data/settings.ini": "[view]\ncolour = green\n",
    "data/settings.toml": 'colour = "green"\n',
    "data/server.log": "12:00 started\n12:01 stopped\n",
    "code/hello.py": "print('hello')\n",
    "code/hello.js": "console.log('hello')\n",
    "code/main.c": "int main(void) { return 0; }\n",
    "code/run.sh": "#!/bin/sh\necho hello\n",
    "papers/plan.tex": "\\documentclass{article}\\begin{document}A plan.\\end{document}\n",
}
"""Name and contents of files that a store takes: 27."""


def a_pdf(text: str) -> bytes:
    """A PDF of one page."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        b"/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return out + b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def a_zip(**members: str) -> bytes:
    """A zip archive, as office files are, too."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return out.getvalue()


def a_tar() -> bytes:
    """A compressed tar archive of one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))
    return out.getvalue()


def a_png() -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


def a_wave() -> bytes:
    """A hundredth of a second of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 80)
    return out.getvalue()


DOCX = a_zip(**{"[Content_Types].xml": "<Types/>", "word__document.xml": "<w:document>Minutes</w:document>"})
OTHERS: dict[str, bytes] = {
    "papers/article.pdf": a_pdf("A paper about ponds"),
    "papers/invoice.pdf": a_pdf("Forty candles"),
    "office/minutes.docx": DOCX,
    "office/budget.xlsx": a_zip(**{"[Content_Types].xml": "<Types/>", "xl__workbook.xml": "<workbook/>"}),
    "office/talk.pptx": a_zip(**{"[Content_Types].xml": "<Types/>", "ppt__presentation.xml": "<p/>"}),
    "office/text.odt": a_zip(mimetype="application/vnd.oasis.opendocument.text", content__xml="<text/>"),
    "pictures/dot.png": a_png(),
    "pictures/holiday.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9",
    "pictures/turn.gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00"
    b"\x00\x02\x02D\x01\x00;",
    "pictures/plan.webp": b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88"
    b"\xfe\x07\x00",
    "sound/silence.wav": a_wave(),
    "sound/song.mp3": b"ID3\x03\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00" + b"\0" * 400,
    "sound/clip.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 100,
    "archives/all.zip": a_zip(**{"a.txt": "text"}),
    "archives/all.tar.gz": a_tar(),
    "empty.txt": b"",
    "empty.md": b"",
    "pictures/empty.png": b"",
}
"""Files that are no text: 18."""
INDEXED = {*TEXTS, "papers/article.pdf", "papers/invoice.pdf"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Objlib, Path]:
    """The folder, and the program with a home of its own."""
    root = tmp_path_factory.mktemp("usual")
    library = root / "Documents"
    for name, content in (TEXTS | OTHERS).items():
        path = library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    (root / "work").mkdir()
    return an_objlib(an_environment(root), root / "work"), library


def test_a_folder_of_usual_files_goes_in_without_a_failure(folder: tuple[Objlib, Path]) -> None:
    objlib, library = folder
    assert len(TEXTS) + len(OTHERS) == 45
    done = objlib("upload", library, "--embed-seconds", "0")
    assert done.code == Exit.OK, done.out + done.err
    skipped = len(OTHERS) - 2
    assert f"{len(INDEXED)} of {len(INDEXED)} files indexed, {skipped} skipped." in done.out
    assert f"\n{skipped} files skipped:\n" in done.out
    assert "failed" not in done.out
    assert "Next: objlib search 'from windows'" in done.out, "a file that is found, and none that was skipped"
    report = objlib("upload", library, "--embed-seconds", "0", "--json").json()
    assert (report["scanned"], report["indexed"], report["failed"]) == (45, len(INDEXED), 0)
    reasons = {skip["path"]: skip["error"] for skip in report["skips"]}
    assert set(reasons) == {*OTHERS} - INDEXED
    assert all(reasons.values())
    status = objlib("status", "--library", library)
    assert status.code == Exit.OK
    assert f"{skipped} files skipped:" in status.out
    found = objlib("search", "pond", "--library", library, "--files")
    assert found.out == f"{library}/papers/article.pdf\n"

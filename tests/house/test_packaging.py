"""Parts of a fresh clone: the README's commands, the pins, the settings, the example library."""

import re
import stat
import tomllib
from fnmatch import fnmatch

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, files, read

PROJECT = tomllib.loads(read("pyproject.toml"))
PINS = [Requirement(line) for line in read("constraints.txt").splitlines() if line]
REQUIREMENTS = [
    Requirement(text)
    for group in (PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values())
    for text in group
    if isinstance(text, str)  # a group may include another
]


@pytest.mark.parametrize("job", ["upload", "test"])
def test_the_readme_begins_with_the_two_commands(job: str) -> None:
    command = f"pip install uv && uvx --from rust-just just {job}"
    assert command in read("README.md").splitlines()


def test_the_readme_names_only_jobs_that_exist() -> None:
    jobs = set(re.findall(r"^([a-z]+)(?: [^:\n]*)?:", read("Justfile"), re.MULTILINE))
    blocks = re.findall(r"^```sh\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)
    named = set(
        re.findall(r"^(?:.*&& )?(?:uvx --from rust-just )?just ([a-z]+)", "\n".join(blocks), re.MULTILINE)
    )
    assert {"upload", "test"} <= named
    assert named <= jobs


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert read(".ci/run").startswith("#!/bin/sh\n")
    assert "\nuvx --from rust-just just test\n" in read(".ci/run")


def test_constraints_are_versions_and_nothing_else() -> None:
    """No address of an index, no path, no hash: such a file works behind any mirror."""
    for line in read("constraints.txt").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+( ; [^;@/]+)?", line), line


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_every_requirement_is_pinned_to_a_version_that_it_accepts(requirement: Requirement) -> None:
    pins = [pin for pin in PINS if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
    assert pins, f"{requirement.name} is not in constraints.txt: run `just constraints`"
    for pin in pins:
        (version,) = (clause.version for clause in pin.specifier)
        assert requirement.specifier.contains(version), f"{pin} is not {requirement}: run `just constraints`"


def test_libraries_that_only_the_spike_compares_do_not_ship() -> None:
    compared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependency-groups"]["spike"]}
    shipped = {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["dependencies"]}
    assert compared == {"python-statemachine", "transitions", "aiosqlite"}
    assert not compared & shipped
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["objlib"]


def test_the_settings_of_this_checkout_fit_the_readme() -> None:
    settings = tomllib.loads(read("objlib.toml"))
    assert settings["library"] == "examples/library"
    assert settings["ledger"] == "data/library.db"


def test_every_example_follows_the_patterns_of_the_settings() -> None:
    patterns = tomllib.loads(read("objlib.toml"))["metadata"]["patterns"]
    globs = [re.sub(r"\{\w+\}", "*", pattern) for pattern in patterns]
    library = ROOT / "examples" / "library"
    names = [path.relative_to(library).as_posix() for path in files("examples/library")]
    assert len(names) >= 20
    assert [name for name in names if not any(fnmatch(name, glob) for glob in globs)] == []
    assert {name.partition("/")[0] for name in names} == {"Ethics", "Knowledge", "Mind", "Politics"}


def test_no_two_examples_share_a_sentence() -> None:
    seen: dict[str, str] = {}
    for path in files("examples/library"):
        text = " ".join(path.read_text("utf-8").split())
        for sentence in re.split(r"(?<=[.?!]) ", text):
            if len(sentence) > 40:
                assert seen.setdefault(sentence, path.name) == path.name, sentence

"""The workflow files and hooks: they call jobs and tools that exist, on every Python that the package names."""

import re
import tomllib

import pytest

from tests.house.tree import ROOT, files, read

WORKFLOWS = [path.relative_to(ROOT).as_posix() for path in files(".github/workflows")]
JOBS = set(re.findall(r"^([a-z]+)(?: [^:\n]*)?:", read("Justfile"), re.MULTILINE))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_calls_only_jobs_of_the_justfile(workflow: str) -> None:
    called = set(re.findall(r"(?:command|run): (?:uvx --from rust-just )?just ([a-z]+)", read(workflow)))
    assert called
    assert called <= JOBS


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_may_only_read_unless_it_publishes(workflow: str) -> None:
    text = read(workflow)
    assert "\npermissions:\n  contents: read\n" in text
    assert ("id-token: write" in text) == (workflow == ".github/workflows/release.yml")


def test_the_matrix_covers_every_python_that_the_package_names() -> None:
    classifiers = tomllib.loads(read("pyproject.toml"))["project"]["classifiers"]
    named = [text.rpartition(" ")[2] for text in classifiers if re.search(r":: 3\.\d+$", text)]
    (matrix,) = re.findall(r"python: \[(.*)\]", read(".github/workflows/test.yml"))
    assert matrix.replace('"', "").split(", ") == named


def test_hooks_call_tools_of_the_environment_only() -> None:
    text = read(".pre-commit-config.yaml")
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    entries = re.findall(r"entry: (\S+)", text)
    assert entries
    assert [entry for entry in entries if not entry.startswith(".venv/bin/")] == []

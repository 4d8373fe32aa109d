"""The files of docs/deploy: they are well-formed, and call commands and options that exist."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from objlib.cli.app import app
from objlib.core.config.backend import KEY_VARIABLES
from objlib.core.config.registry import SETTINGS
from tests.house.tree import read

COMPOSE: dict[str, Any] = yaml.safe_load(read("docs/deploy/compose.yaml"))
KUBERNETES: list[dict[str, Any]] = list(yaml.safe_load_all(read("docs/deploy/kubernetes.yaml")))
CONTAINERFILE = read("docs/deploy/Containerfile")
LIBPQ = {"PGPASSWORD"}


def pods() -> Iterator[dict[str, Any]]:
    """The specification of each pod."""
    for each in KUBERNETES:
        spec = each["spec"]
        yield (
            spec["template"]["spec"]
            if "template" in spec
            else spec["jobTemplate"]["spec"]["template"]["spec"]
        )


def command_lines() -> Iterator[list[str]]:
    """The words behind ``objlib`` of everything that is called."""
    yield from (json.loads(words) for words in re.findall(r"^CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE))
    yield from (json.loads(words)[1:] for words in re.findall(r"\bCMD (\[\"objlib.*\])", CONTAINERFILE))
    yield COMPOSE["services"]["worker"]["command"]
    for pod in pods():
        for container in pod["containers"]:
            yield container["args"]
            if "livenessProbe" in container:
                yield container["livenessProbe"]["exec"]["command"][1:]


@pytest.mark.parametrize("words", list(command_lines()), ids=" ".join)
def test_each_command_line_is_one_of_ours(words: list[str]) -> None:
    known = {name for argument in app[words[0]].assemble_argument_collection() for name in argument.names}
    assert {word for word in words if word.startswith("--")} <= known


def test_a_stop_has_the_time_that_a_drain_takes_and_nothing_is_root() -> None:
    assert COMPOSE["services"]["worker"]["stop_grace_period"] == "45s"
    assert COMPOSE["services"]["worker"]["read_only"]
    assert re.search(r"^USER 10001", CONTAINERFILE, re.MULTILINE)
    for pod in pods():
        assert pod["terminationGracePeriodSeconds"] == 45
        assert pod["securityContext"]["runAsNonRoot"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_each_variable_is_one_that_is_read() -> None:
    known = {setting.variable for setting in SETTINGS} | set(KEY_VARIABLES) | LIBPQ
    assert COMPOSE["services"]["worker"]["environment"].keys() <= known
    for pod in pods():
        for container in pod["containers"]:
            assert {variable["name"] for variable in container["env"]} <= known

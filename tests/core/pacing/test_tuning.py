"""Every constant of the controller says what it is."""

import ast
import inspect
from dataclasses import fields

import pytest

from objlib.core.pacing import tuning
from objlib.core.pacing.tuning import Tuning

CONSTANTS = {field.name: field for field in fields(Tuning)}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_has_a_unit_a_range_and_a_source(name: str) -> None:
    constant = CONSTANTS[name]
    low, high = constant.metadata["range"]
    assert low <= constant.default <= high
    assert constant.metadata["unit"]
    assert constant.metadata["source"]


def test_each_constant_has_a_docstring_of_its_own() -> None:
    body = ast.parse(inspect.getsource(tuning.Tuning)).body[0]
    assert isinstance(body, ast.ClassDef)
    names = [
        node.target.id
        for node in body.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    texts = [
        node.value.value
        for node in body.body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    assert len(texts) == len(names) + 1  # and that of the class
    assert all(text.rstrip().endswith(".") and text[0].isupper() for text in texts)

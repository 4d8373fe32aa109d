"""The contents of the page of the stores: the list, and what a deletion or an adoption would do."""

from collections.abc import Mapping
from typing import Any

from objlib.api import Library
from objlib.core.errors import ObjlibError


async def stores_values(library: Library, options: Mapping[str, str]) -> dict[str, Any]:
    """The values of the template: ``?delete=`` counts whose documents a store has, ``?adopt=1`` looks for pairs."""
    values: dict[str, Any] = {"inventory": None, "deletion": None, "adoption": None, "error": ""}
    try:
        values["inventory"] = await library.stores.all()
        if options.get("delete"):
            values["deletion"] = await library.stores.delete(options["delete"], dry_run=True)
        if "adopt" in options:
            values["adoption"] = await library.stores.adopt(dry_run=True)
    except ObjlibError as problem:
        values["error"] = str(problem)
    return values

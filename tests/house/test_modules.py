"""How the modules of the package stand to one another: no import circle, and one class to a public name."""

import ast
from collections import defaultdict

import grimp

from tests.house.tree import ROOT, files


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Group the modules that import one another, directly or by way of others.

    Args:
        imports: The modules that each module imports.
    """
    reachable = {module: _reachable(module, imports) for module in imports}
    groups = {
        frozenset(other for other in reachable[module] if module in reachable[other]) for module in imports
    }
    return sorted(sorted(group) for group in groups if group)


def _reachable(start: str, imports: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for module in imports.get(waiting.pop(), set()) - seen:
            seen.add(module)
            waiting.append(module)
    return seen


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions and for type checkers count as well."""
    graph = grimp.build_graph("objlib", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 150
    assert circles(imports) == []


def test_a_planted_circle_is_found() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}
    assert circles(imports) == [["b", "c"], ["d"]]


def public_classes() -> dict[str, list[str]]:
    """Map the name of every public class to the files that define one."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in files("objlib/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(ROOT).as_posix())
    return places


def test_no_public_class_name_stands_twice() -> None:
    assert {name: places for name, places in public_classes().items() if len(places) > 1} == {}


def test_a_test_stands_where_its_module_stands() -> None:
    """Its folder is that of a room or a part; a test of a whole room has a name that no module has.

    House, spikes and the clients of others are no rooms.
    """
    modules = {(path.parent.relative_to(ROOT / "objlib"), path.stem) for path in files("objlib/*.py")}
    folders = {folder for folder, _ in modules}
    names = {name for folder, name in modules if folder.parts[:1] != ("testing",)}  # its proofs are no rooms
    misplaced = [
        str(path.relative_to(ROOT))
        for path in files("tests/*/test_*.py", ":!tests/house", ":!tests/spike", ":!tests/clients")
        for folder, name in [(path.parent.relative_to(ROOT / "tests"), path.stem.removeprefix("test_"))]
        if folder not in folders or (name in names and (folder, name) not in modules)
    ]
    assert misplaced == []

"""Redraw the generated parts of ``docs/lifecycle.md`` from the lifecycle table: ``just docs``.

The diagram, the edges and the states stand between ``<!-- name -->`` and ``<!-- end -->`` lines; the prose around
them is written by hand. ``tests/house/test_lifecycle_doc.py`` fails when the page and the table differ.
"""

import ast
import inspect
from pathlib import Path

from objlib.core.lifecycle.table import TABLE, State

PAGE = Path(__file__).parent.parent / "docs" / "lifecycle.md"


def diagram() -> str:
    """The table as a mermaid state diagram; a row is born where the library first shows the file."""
    first = TABLE[0].source
    edges = "\n".join(f"    {edge.source} --> {edge.target}: {edge.event}" for edge in TABLE)
    return f"```mermaid\nstateDiagram-v2\n    [*] --> {first}\n{edges}\n```"


def edges() -> str:
    """The table as a Markdown table, in its own order."""
    rows = "\n".join(f"| `{e.event}` | {e.source} | {e.target} | {e.reason} |" for e in TABLE)
    return f"| event | from | to | because |\n| --- | --- | --- | --- |\n{rows}"


def states() -> str:
    """Each state with the comment that stands under it in the source: what it means and who moves a row out."""
    body = ast.parse(inspect.getsource(State)).body[0]
    assert isinstance(body, ast.ClassDef)
    about = {
        State[name.id]: text
        for assign, comment in zip(body.body, body.body[1:], strict=False)
        if isinstance(assign, ast.Assign) and isinstance(comment, ast.Expr)
        for name, text in [(assign.targets[0], ast.literal_eval(comment.value))]
        if isinstance(name, ast.Name)
    }
    rows = [f"| {state} | {about[state]} | {_exits(state)} |" for state in State]
    return (
        "| state | what it means, and who moves a row out of it | ways out |\n| --- | --- | --- |\n"
        + "\n".join(rows)
    )


def render(page: str) -> str:
    """The page with each generated part replaced by what the table says now."""
    for name, text in {"diagram": diagram(), "edges": edges(), "states": states()}.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise SystemExit(
                f"{PAGE} has no part between <!-- {name} --> and <!-- end -->; put the two lines back"
            )
        page = f"{before}{start}{text}\n{end}{after}"
    return page


def _exits(state: State) -> str:
    return ", ".join(f"`{edge.event}` → {edge.target}" for edge in TABLE if edge.source is state)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")

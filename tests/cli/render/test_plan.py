"""A plan as text: how many paths, which of them, and what it costs."""

from dataclasses import replace

from objlib.cli.console.terminal import Terminal
from objlib.cli.render.plan import plan_lines
from objlib.core.reports.plan import Action, Cost, PlannedStep, RunPlan

PLAIN = Terminal(color=False, unicode=True, width=100)
STEPS = [
    PlannedStep(Action.SKIP, "a.png", "no type"),
    PlannedStep(Action.SEND, "new\x1b[31m.txt", "new", bytes=1500, tokens=400),
    PlannedStep(Action.REPLACE, "old.txt", "changed", bytes=10, tokens=3, documents=1),
    PlannedStep(Action.RENAME, "to.txt", "the same content at a new path", was="from.txt"),
    PlannedStep(Action.DELETE, "gone.txt", "it is gone from disk", documents=1),
    PlannedStep(Action.LEAVE_OUT, "private", "the rule 'private' in .objlibignore"),
]
COST = Cost(bytes=1510, tokens=403, requests=8)


def text(plan: RunPlan, *, complete: bool = False) -> str:
    return "\n".join(plan_lines(plan, PLAIN, complete=complete))


def test_a_plan_names_each_path_with_its_reason() -> None:
    output = text(RunPlan.of(STEPS, COST))
    assert output.startswith(
        "Plan: 1 file to send, 1 to replace, 1 to rename, 1 to remove; 1 skipped, 1 left out.\n"
    )
    assert "  rename    from.txt -> to.txt: the same content at a new path" in output
    assert "  delete    gone.txt: it is gone from disk" in output
    assert "  left out  private: the rule 'private' in .objlibignore" in output
    assert output.endswith("\nnothing was sent, recorded or made (--dry-run)")


def test_control_characters_of_a_path_are_not_printed() -> None:
    assert "\x1b" not in text(RunPlan.of(STEPS, COST))


def test_a_cut_list_shows_what_would_be_done_first() -> None:
    skipped = [PlannedStep(Action.SKIP, f"{number:02}.png", "no type") for number in range(30)]
    plan = RunPlan.of([*skipped, *STEPS], COST)
    output = text(plan)
    assert output.splitlines()[1].startswith("  delete")
    assert "and 16 more (--all lists them)" in output
    assert "29.png" not in output
    assert "29.png" in text(plan, complete=True)
    assert "more" not in text(plan, complete=True)


def test_what_a_plan_costs_is_said_as_far_as_it_is_known() -> None:
    output = text(RunPlan.of(STEPS, COST))
    assert "1.5 kB to send, about 400 tokens\nat least 8 requests\n" in output
    assert "USD" not in output
    priced = replace(
        COST,
        usd=1.234,
        store_bytes=10**8,
        store_bytes_after=2 * 10**9,
        tier="tier 1",
        requests_per_second=2,
        seconds=4.0,
    )
    output = text(RunPlan.of(STEPS, priced, "the store was not asked"))
    assert "about USD 1.23 to index (USD 0.15 per million tokens)" in output
    assert "at least 8 requests, about 4.0 s at the pace of earlier runs" in output
    assert "about 2.0 GB with embeddings, now 100 MB: fits into tier 1" in output
    assert "the store was not asked" in output
    assert "no tier" in text(RunPlan.of(STEPS, replace(priced, tier="")))


def test_a_plan_without_work_says_so() -> None:
    assert text(RunPlan()).splitlines()[0] == "Plan: nothing to do."
    assert "request" not in text(RunPlan())

"""The stores of a service, one that was made or deleted, and documents that files took over."""

from collections.abc import Sequence

from objlib.cli.console.terminal import Terminal, counts, more, safe, size
from objlib.cli.render.plan import ALL, NOTHING_DONE, SHOWN_STEPS
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.lifecycle.adoption import Adoption
from objlib.core.reports.stores import AdoptionReport, StoreDeletion, StoreEntry, StoreInventory, StoreMade


def store_list_lines(report: StoreInventory, screen: Terminal) -> list[str]:
    """Each store with its documents and libraries, and the share of the tier that all of them take."""
    if not report.stores:
        return [f"No store yet: {advise('upload')}"]
    lines = [line for entry in report.stores for line in _entry_lines(entry, report, screen)]
    total = f"{plural(len(report.stores), 'store')}, {size(report.size)}"
    if report.tier:
        share = 100 * report.size / report.tier_size
        total += f": {share:.1f} % of the {size(report.tier_size)} of the smallest tier that holds it ({report.tier})"
    elif report.tier_size or report.service != "embedded":
        total += ": more than any tier of the service holds"
    return [*lines, screen.dim(total)]


def _entry_lines(entry: StoreEntry, report: StoreInventory, screen: Terminal) -> list[str]:
    states = counts({"pending": entry.pending, "failed": entry.failed})
    share = f" ({100 * entry.size / report.tier_size:.1f} % of {report.tier})" if report.tier else ""
    model = f", {safe(entry.embedding_model.removeprefix('models/'))}" if entry.embedding_model else ""
    amount = f"{entry.active:,} searchable{f', {states}' if states else ''}, {size(entry.size)}{share}{model}"
    lines = [
        f"{screen.bold(safe(entry.display_name or entry.name))}: {amount}",
        f"  {screen.dim(entry.name)}",
    ]
    lines += [f"  library {screen.cyan(safe(root))}" for root in entry.libraries]
    if not entry.libraries:
        lines.append(screen.dim("  of no library that is known here"))
    return lines


def store_made_lines(report: StoreMade, screen: Terminal) -> list[str]:
    """The new store, and how it is filled."""
    model = f" with {safe(report.embedding_model)}" if report.embedding_model else ""
    if report.dry_run:
        return [f"Plan: make a store called {safe(report.display_name)}{model}.", NOTHING_DONE]
    mark = screen.green(screen.sign("✓", "ok:"))
    return [f"{mark} {safe(report.display_name)} is there{model}: {screen.dim(report.name)}"]


def deletion_lines(report: StoreDeletion, screen: Terminal) -> list[str]:
    """The documents that go with a store, or went, by their owners."""
    amount = f"{plural(report.documents, 'document')}, {size(report.size)}"
    name = f"{safe(report.display_name)} ({report.name}): {amount}"
    if report.deleted:
        lines = [f"{screen.green(screen.sign('✓', 'ok:'))} Deleted {name}."]
    else:
        lines = [f"Plan: delete {name}."]
    if report.own:
        lines.append(f"  {report.own:,} of this library")
    lines += [
        screen.yellow(f"  {number:,} of others: {safe(owner)}") for owner, number in report.others.items()
    ]
    lines += [screen.yellow(f"  it is the store of the library {safe(root)}") for root in report.libraries]
    if report.put_aside:
        lines.append(f"The ledger that recorded them was put aside: {safe(report.put_aside)}")
    return lines if report.deleted else [*lines, screen.dim(NOTHING_DONE)]


def adoption_lines(report: AdoptionReport, screen: Terminal, *, reviewed: bool, complete: bool) -> list[str]:
    """The pairs, those to look at among them, and what fits nothing."""
    pairs = len(report.by_content) + (len(report.by_name) if reviewed else 0)
    if report.dry_run:
        first = f"Plan: {plural(pairs, 'file')} would take over a document of another tool."
    else:
        mark = screen.green(screen.sign("✓", "ok:"))
        first = f"{mark} {plural(report.adopted, 'file')} took over a document of another tool."
    lines = [first]
    lines += _pair_lines("same bytes", report.by_content, screen, complete=complete or not report.dry_run)
    lines += _pair_lines("same name and size", report.by_name, screen, complete=complete)
    if report.by_name and not reviewed:
        number = len(report.by_name)
        lines.append(
            f"{plural(number, 'document')} fit by name and size alone; if each is right: "
            f"`{advise(f'stores --by-name {number}', 'adopt')}`"
        )
    rest = counts(
        {
            f"{'document fits' if len(report.ambiguous) == 1 else 'documents fit'} several files": len(
                report.ambiguous
            ),
            f"{'document fits' if report.unmatched == 1 else 'documents fit'} no file": report.unmatched,
        }
    )
    lines += [screen.dim(rest)] if rest else []
    return [*lines, screen.dim(NOTHING_DONE)] if report.dry_run else lines


def _pair_lines(how: str, pairs: Sequence[Adoption], screen: Terminal, *, complete: bool) -> list[str]:
    shown = pairs if complete else pairs[:SHOWN_STEPS]
    lines = [
        f"  {how:18}  {screen.cyan(safe(pair.path))}"
        + ("" if pair.display_name == pair.path else screen.dim(f" <- {safe(pair.display_name)}"))
        for pair in shown
    ]
    return [*lines, *more(len(pairs) - len(shown), hint=ALL)]

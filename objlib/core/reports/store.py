"""Reports on store, ledger and disk compared: store-sync, verify, rebuild."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objlib.core.lifecycle.drift import Drift
from objlib.core.stop_reason import StopReason


@dataclass(slots=True)
class StoreSyncReport:
    """How store and ledger differ and, on request, how that was repaired. A repair counts in it as it goes.

    Attributes:
        documents: documents in the store.
        pages: requests that listing them took.
        well: documents in which nothing is wrong.
        in_flight: documents of attempts that are not over.
        leaving: documents whose deletion is on record.
        foreign: documents that are not this ledger's.
        foreign_ledgers: those among them that another ledger recorded, by the id of that ledger.
        of: id of the lost ledger whose documents were compared too.
        adopted: files that took a lost ledger's document over.
        drift: findings by kind, but for stale names.
        stale_names: documents with the name that their file had before a rename.
        findings: the findings, stale names among them, at most 1,000 but in a dry run.
        applied: whether a repair was asked for.
        dry_run: whether that is only what a repair would do; ``deleted``, ``requeued`` and ``left`` are forecasts then.
        deleted: surplus documents that are deleted now.
        postponed: surplus documents whose deletion is on record, for recovery to execute.
        requeued: files that the next upload sends again.
        changed: steps that no longer applied when they were checked again.
        unanswered: steps that the service did not answer.
        left: steps not applied: skipped by choice, or without an answer.
        interrupted: whether the user stopped it.
        stopped: why the service ended it before its end.
        advice: what to do about that.
    """

    store: str
    ledger: str
    documents: int = 0
    pages: int = 0
    well: int = 0
    in_flight: int = 0
    leaving: int = 0
    foreign: int = 0
    foreign_ledgers: Mapping[str, int] = field(default_factory=dict)
    of: str = ""
    adopted: int = 0
    drift: Mapping[str, int] = field(default_factory=dict)
    stale_names: int = 0
    findings: tuple[Drift, ...] = ()
    applied: bool = False
    dry_run: bool = False
    deleted: int = 0
    postponed: int = 0
    requeued: int = 0
    changed: int = 0
    unanswered: int = 0
    left: int = 0
    interrupted: bool = False
    stopped: StopReason = StopReason.NONE
    advice: str = ""
    requests: int = 0


@dataclass(slots=True)
class VerifyReport:
    """The findings of an audit of a sample; it changed nothing.

    Attributes:
        checked: files that were looked at.
        of: indexed files on disk that there are.
        drift: findings by kind, but for stale names.
        stale_names: documents with the name that their file had before a rename.
        findings: the findings, stale names among them, at most 1,000.
        unanswered: files whose document the service did not answer for.
    """

    store: str
    checked: int = 0
    of: int = 0
    drift: Mapping[str, int] = field(default_factory=dict)
    stale_names: int = 0
    findings: tuple[Drift, ...] = ()
    unanswered: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """A ledger that was made again from the store.

    Attributes:
        documents: documents in the store.
        files: files that were found in it.
        matched: files on disk that are indexed now, and need no upload.
        changed: files on disk that differ from their document; the next upload sends them.
        missing: files whose document has no file on disk.
        new: files on disk that the store does not have, and the next upload sends.
        skipped: files on disk that no store takes.
        pending: documents that the store has not finished; the next upload or ``recover`` settles them.
        surplus: further documents of a file, which ``store-sync`` finds as duplicates.
        unusable: documents of ours without a usable hash or that failed; ``store-sync`` finds them.
        foreign: documents that are not this ledger's.
        dry_run: whether this is what a rebuild would make.
        paths: (path, how it compares with the disk) of every file; of a dry run.
    """

    store: str
    ledger: str
    documents: int = 0
    files: int = 0
    matched: int = 0
    changed: int = 0
    missing: int = 0
    new: int = 0
    skipped: int = 0
    pending: int = 0
    surplus: int = 0
    unusable: int = 0
    foreign: int = 0
    requests: int = 0
    dry_run: bool = False
    paths: tuple[tuple[str, str], ...] = ()

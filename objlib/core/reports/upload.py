"""Reports of scan, recover, upload and sync."""

from dataclasses import dataclass, field

from objlib.core.reports.failed_files import FailedFile
from objlib.core.reports.plan import RunPlan
from objlib.core.stop_reason import StopReason


@dataclass(frozen=True, slots=True)
class ScanReport:
    """How disk and ledger differed.

    Attributes:
        scanned: files looked at on disk.
        bytes: their size together.
        hashed: how many had to be read, because size, mtime or inode differed from the ledger.
        new, changed, renamed, missing, returned, unchanged: files by what happened to them.
        described: unchanged files to which the metadata patterns give other metadata than before.
        skipped: (path, reason) of entries that are no files to take in, such as a dangling link.
        unreadable: (path, reason) of folders and entries that could not be looked at.
        skipped_total, unreadable_total: how many there are; at most 1,000 of each are listed.
        ignored: entries that a rule left out; a folder counts once.
        left_out: (path, rule) of the first of them.
        changes: (kind, path) of each difference when they were asked for (dry run), at most 1,000 of a scan that is not
            complete.
        renames: (old path, new path) of each rename, of a complete scan.
        patterns_of: the machine whose metadata patterns describe the files, where they replaced those of this one.
        patterns_since: when it set them, in Unix seconds.
    """

    scanned: int = 0
    bytes: int = 0
    hashed: int = 0
    new: int = 0
    changed: int = 0
    renamed: int = 0
    missing: int = 0
    returned: int = 0
    unchanged: int = 0
    described: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    skipped_total: int = 0
    unreadable_total: int = 0
    ignored: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str], ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    patterns_of: str = ""
    patterns_since: float = 0.0


@dataclass(slots=True)
class RecoverReport:
    """The work that dead runs left, and how it ended.

    Attributes:
        found: rows in a transient state, open intents and superseded documents that were looked at.
        adopted, requeued, completed, failed: rows by verdict.
        deleted: surplus or superseded documents that were removed, each with an intent.
        stores: stores that were deleted, since their deletion was on record.
        left: rows that could not be settled now, since the service did not answer.
        postponed: documents and stores whose removal is on record, and that could not be removed now.
        elsewhere: rows in flight in a living run; they were not touched.
        stopped: why it ended before its end.
        advice: what to do about that.
        actions: (path, action, why), in order, at most 1,000; all of them in a dry run.
        actions_total: how many there are.
        dry_run: whether this is what a recovery would do.
    """

    found: int = 0
    adopted: int = 0
    requeued: int = 0
    completed: int = 0
    failed: int = 0
    deleted: int = 0
    stores: int = 0
    left: int = 0
    postponed: int = 0
    elsewhere: int = 0
    listings: int = 0
    stopped: StopReason = StopReason.NONE
    advice: str = ""
    actions: tuple[tuple[str, str, str], ...] = ()
    actions_total: int = 0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class VectorReport:
    """How far the embedded store's second pass (search by meaning) has come.

    Attributes:
        done, total: passages with a vector, and all passages.
        available: whether vectors can be made here at all.
        reason: why not, or an empty string.
        seconds: how long this run made vectors.
        seconds_left: how long the rest takes at the pace of this run; None where nothing is left, or it made none.
        coming: the folder of the model that ``done`` and ``total`` are about, while searches still use the vectors of
            another one; empty otherwise.
        begun: whether the store knows of that model yet.
        words_only: why searches go by words alone now; empty where they do not.
    """

    done: int = 0
    total: int = 0
    available: bool = True
    reason: str = ""
    seconds: float = 0.0
    seconds_left: float | None = None
    coming: str = ""
    begun: bool = True
    words_only: str = ""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The result of finishing search by meaning: ``made`` vectors are new. ``stopped`` says why it ended early."""

    store: str
    vectors: VectorReport
    made: int = 0
    seconds: float = 0.0
    stopped: StopReason = StopReason.NONE
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class UploadReport:
    """The result of an upload run; the fields of the JSON object are these, plus ``schema``.

    ``throttled`` counts requests that the service throttled: answered with 429 or a server error, or broken off.
    ``failed`` counts failures, ``unreadable`` folders among them. ``skipped`` are the files that no store takes;
    ``pending`` are those that are not in and neither failed nor were skipped; of these, ``elsewhere`` were in flight in
    another run at the end. ``postponed`` documents were to be removed, and could not be now. ``removable`` of the
    ``missing`` files are gone for longer than the grace; ``removable_from`` says when the next one is, in Unix seconds.
    """

    run_id: str
    backend: str
    store: str
    library: str
    scan: ScanReport
    scanned: int = 0
    uploaded: int = 0
    indexed: int = 0
    unchanged: int = 0
    failed: int = 0
    unreadable: int = 0
    skipped: int = 0
    pending: int = 0
    elsewhere: int = 0
    postponed: int = 0
    renamed: int = 0
    missing: int = 0
    removable: int = 0
    removable_from: float | None = None
    deleted: int = 0
    requests: int = 0
    throttled: int = 0
    bytes: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    plan: RunPlan | None = None
    """Of a dry run: what a run would do; None of a run."""
    stopped: StopReason = StopReason.NONE
    """Why the run ended before quiescence."""
    advice: str = ""
    store_documents: int | None = None
    """Of a full store, as the service counts them; None otherwise, or where it does not say."""
    store_bytes: int | None = None
    """The same, embeddings included."""
    recovered: RecoverReport = field(default_factory=RecoverReport)
    vectors: VectorReport | None = None
    failures: tuple[FailedFile, ...] = ()
    skips: tuple[FailedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class PruneReport:
    """The documents of files that are no longer in the library, and whether they were removed.

    Attributes:
        files: files whose documents were removed, or are to be.
        deleted: documents that are gone from the store.
        postponed: documents that could not be removed now, on record or not; the next run goes on with them.
        kept: files that have not been gone for ``grace`` seconds yet; their documents stay.
        kept_until: when the first of these has been, in Unix seconds; None where there are none.
        kept_last: when the last of these has been.
        grace: seconds.
        skipped: why it was not done to its end.
        paths: paths of the files, at most 1,000.
    """

    files: int = 0
    deleted: int = 0
    postponed: int = 0
    kept: int = 0
    kept_until: float | None = None
    kept_last: float | None = None
    grace: float = 0.0
    skipped: StopReason = StopReason.NONE
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """An upload, and the prune that followed it; None where none was asked for."""

    upload: UploadReport
    prune: PruneReport | None

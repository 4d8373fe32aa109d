"""Examples of each command, for its help, its man page and the reference: a line to type, and what comes of it."""

from collections.abc import Mapping
from typing import Final

Example = tuple[str, str]
"""The words after ``objlib``, and what they do."""

EXAMPLES: Final[Mapping[str, tuple[Example, ...]]] = {
    "upload": (
        ("upload ~/Documents/lectures", "send what is new or changed, and wait until it is searchable"),
        ("upload --dry-run --all", "say what would become of each file, and what it would cost"),
        ("upload --retry-failed", "send the files again that failed"),
    ),
    "sync": (
        ("sync --prune --dry-run", "plan an upload that also removes the documents of files that are gone"),
        ("sync --prune --grace 7d --max-delete 25", "remove those gone for a week, 25 at most"),
    ),
    "scan": (
        ("scan", "say what an upload would find"),
        ("scan --dry-run --verbose", "list what the rules leave out too"),
    ),
    "status": (
        ("status", "count the files by state, with the reasons of failures"),
        ("status --json", "print the same for a program"),
    ),
    "recover": (("recover", "finish what a run left that was killed, and send nothing new"),),
    "store-sync": (
        ("store-sync", "compare every document of the store with the ledger"),
        ("store-sync --apply", "repair what differs"),
        ("store-sync --apply --metadata", "refresh names and metadata of documents too"),
    ),
    "index": (("index", "make the vectors that are missing, until all are there or Ctrl-C"),),
    "verify": (
        ("verify", "audit 50 files chosen at random"),
        ("verify --sample all", "audit every file"),
    ),
    "rebuild": (
        ("rebuild --dry-run", "say what a new ledger would hold"),
        ("rebuild", "make a lost ledger again from the store, without an upload"),
    ),
    "search": (
        ('search "the circle of concern"', "list the best passages, with their files and lines"),
        ("search pond --filter 'course = \"Ethics\" AND year >= 2021'", "look only where the metadata fits"),
        ("search pond --files -0", "print the paths of the files, for xargs -0"),
    ),
    "ask": (
        ('ask "What do we owe to strangers?"', "answer from the library, with the sources"),
        ('ask "What is owed?" --all', "ask every library that is known"),
        (
            'ask "What is owed?" --answer-url http://127.0.0.1:11434/v1',
            "let a model on this machine write the answer",
        ),
    ),
    "chat": (
        ("chat", "ask, and follow up on the answers"),
        ("chat --json < questions.txt", "answer each line of a file, an object for each"),
    ),
    "explain": (("explain notes/debt.md", "tell the history of one file, and what comes next"),),
    "model": (("model check ~/models/e5-small", "load a model, time it, and see what it finds"),),
    "media": (
        ("media get fileSearchStores/s/media/m --output picture.png", "save a picture that a citation names"),
    ),
    "metrics": (
        ("metrics", "print the state of the library in the text format of Prometheus"),
        ("metrics --file /var/lib/node_exporter/objlib.prom", "write it where node_exporter looks"),
    ),
    "watch": (
        ("watch", "upload each change once it is quiet"),
        ("watch --prune --grace 7d", "also remove the documents of files that are gone for a week"),
        ("watch --prune --print-unit systemd", "print the unit that does so as a service"),
    ),
    "ui": (
        ("ui", "open the library in the browser, to look at"),
        ("ui --write", "let the pages upload and repair too"),
    ),
    "mcp": (
        ("mcp --print-config", "print what an agent's configuration needs"),
        ("mcp --http --port 8123 --write", "serve on a port, with tools that upload"),
    ),
    "serve": (
        ("serve --port 8765", "serve the embedded store to any Gemini client"),
        ("serve --quota 10/s --fault lost-answer:0.02", "try a client against a quota and lost answers"),
    ),
    "libraries": (
        ("libraries", "list the libraries that are known"),
        ("libraries forget ~/old/lectures", "drop one from the list; its documents stay"),
    ),
    "stores": (
        ("stores", "list the stores with their sizes and libraries"),
        ("stores create lectures --embedding-model gemini-embedding-2", "make one that takes pictures"),
        ("stores delete lectures --dry-run", "say whose documents a deletion would remove"),
        ("stores adopt lectures --dry-run --all", "list the documents that files could take over"),
    ),
    "move": (("move ~/lectures ~/Documents/lectures", "go on with a library whose folder moved"),),
    "runs": (
        ("runs", "list the runs at work and the last ones"),
        ("runs stop 019ea3", "let one finish what it has in flight, wherever it works"),
    ),
    "ledger": (
        ("ledger check", "read all of the ledger, and say what is wrong"),
        ("ledger compact --keep 30d", "remove history that is older than a month"),
        ("ledger dump backup.jsonl", "write all of it as text, for a backup"),
        ("ledger copy library.db postgresql://objlib@db.example/library", "move to a database"),
    ),
    "doctor": (("doctor", "check what is configured, reachable and writable"),),
    "completion": (
        ("completion bash > ~/.local/share/bash-completion/completions/objlib", "install it for bash"),
    ),
}
"""At least one for each command, in its order."""


def example_lines(command: str) -> list[str]:
    """The examples of a command for its help: each line to type, and below it what comes of it."""
    return [line for typed, does in EXAMPLES[command] for line in (f"  objlib {typed}", f"      {does}")]

"""The options of each command, for completion; made by ``just docs`` from the commands themselves.

A name leads to the kind of its value (empty for a switch) and to its text.
"""

from typing import Final

Options = dict[str, tuple[str, str]]

COMMON: Final[Options] = {
    "--library": (":files", "Folder of documents; repeatable for search and ask"),
    "--ledger": (":files", "SQLite file, or postgresql:// URL, that remembers what was sent"),
    "--store": ("value", "Name of the File Search store"),
    "--backend": ("auto embedded gemini", "auto: gemini if an API key is set, else embedded"),
    "--base-url": ("value", "Root URL of a Gemini-compatible service"),
    "--embedded-store": (":files", "SQLite file of the embedded store"),
    "--config": (":files", "objlib.toml to read instead of the one found upward"),
    "--exclude": ("value", "Leave out files and folders that fit (gitignore syntax); repeatable"),
    "--include": ("value", "Take in only files that fit (gitignore syntax); repeatable"),
    "--gitignore": ("", "Leave out what .gitignore leaves out"),
    "--no-gitignore": ("", "Leave out what .gitignore leaves out"),
    "--json": ("", "Print JSON on stdout"),
    "-j": ("", "Print JSON on stdout"),
    "--no-json": ("", "Print JSON on stdout"),
    "--quiet": ("", "Print what was asked for and errors only"),
    "-q": ("", "Print what was asked for and errors only"),
    "--no-quiet": ("", "Print what was asked for and errors only"),
    "--verbose": ("", "Log what happens to stderr; twice for more"),
    "-v": ("", "Log what happens to stderr; twice for more"),
    "--log-file": (":files", "Also write what happens to this file, as JSON lines"),
}
OPTIONS: Final[dict[str, Options]] = {
    "upload": {
        "--limit": ("value", "Send at most this many files in this run"),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "--all": ("", "With --dry-run: list every path, not only the first"),
        "--retry-failed": ("", "Also send files again that failed before"),
        "--checksum": ("", "Read every file, also where size, dates and inode are as they were"),
        "--new": (
            "",
            "Take the folder as a new library, and a new store if need be, though it looks like a known one",
        ),
        "--max-uploads": ("value", "Uploads in flight at most"),
        "--embed-seconds": ("value", "How long to go on preparing search by meaning in the embedded store"),
        "--embedding-model": (
            "value",
            "Embedding model of a store that is made; gemini-embedding-2 takes pictures",
        ),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
    },
    "sync": {
        "--prune": ("", "Also remove the documents of files that are gone, or left out by a rule"),
        "--prune-grace": ("value", "How long a file must be gone before its document is removed"),
        "--grace": ("value", "How long a file must be gone before its document is removed"),
        "--max-delete": (
            "value",
            "Remove at most this many documents (25) or such a share (10%); by default 10% or 25, whichever is more",
        ),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "--all": ("", "With --dry-run: list every path, not only the first"),
        "--checksum": ("", "Read every file, also where size, dates and inode are as they were"),
        "--new": (
            "",
            "Take the folder as a new library, and a new store if need be, though it looks like a known one",
        ),
        "--embed-seconds": ("value", "How long to go on preparing search by meaning in the embedded store"),
        "--embedding-model": (
            "value",
            "Embedding model of a store that is made; gemini-embedding-2 takes pictures",
        ),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
    },
    "scan": {
        "--dry-run": ("", "Only say what differs; record nothing, and make no ledger"),
        "-n": ("", "Only say what differs; record nothing, and make no ledger"),
        "--all": ("", "With --dry-run: list every path, not only the first"),
        "--checksum": ("", "Read every file, also where size, dates and inode are as they were"),
        "--own-patterns": (
            "",
            "Take the metadata patterns of this machine, also where another one has replaced them",
        ),
        "--new": (
            "",
            "Take the folder as a new library, and a new store if need be, though it looks like a known one",
        ),
    },
    "recover": {
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "--all": ("", "With --dry-run: list every path, not only the first"),
    },
    "store-sync": {
        "--apply": ("", "Repair what differs; otherwise it is only told"),
        "--metadata": (
            "",
            "With --apply: also send files again whose document only has a wrong name or metadata",
        ),
        "--max-delete": (
            "value",
            "Delete at most this many documents (25) or such a share (10%); by default 10% or 25, whichever is more",
        ),
        "--plan": (":files", "Take what a saved comparison found instead of comparing"),
        "--save-plan": (":files", "Save what was found, to be read and applied later"),
        "--of": ("value", "Compare the documents of a lost ledger too; with --apply those are deleted"),
        "--adopt": (
            "",
            "With --of and --apply: files that have no document take over those with their bytes first",
        ),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "--all": ("", "With --dry-run: list every path, not only the first"),
    },
    "index": {
        "--for": ("value", "How long to go on at most; by default until it is done"),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
    },
    "verify": {
        "--sample": ("value", "How many indexed files to look at, or all"),
    },
    "rebuild": {
        "--of": ("value", "Id of the lost ledger, where the store has documents of several"),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "--all": ("", "With --dry-run: list every path, not only the first"),
    },
    "search": {
        "--filter": ("value", "Only documents whose metadata fit, such as 'author = \"Mill\"'"),
        "--top-k": ("value", "How many passages to look at, 1 to 100"),
        "-k": ("value", "How many passages to look at, 1 to 100"),
        "--files": ("", "Print the absolute paths of the files only, each once"),
        "--null": ("", "The same, each with a NUL behind it, as for xargs -0"),
        "-0": ("", "The same, each with a NUL behind it, as for xargs -0"),
        "--all-passages": ("", "Show every passage of a file, not only its best one"),
        "--fail-empty": ("", "Exit with 1 where nothing is found"),
        "--all": ("", "Ask every library that is known"),
        "--model": ("value", "The model that answers"),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
        "--reranker": (
            ":files",
            "Folder of an ONNX cross-encoder that orders the first passages of the embedded store",
        ),
    },
    "ask": {
        "--filter": ("value", "Only documents whose metadata fit, such as 'author = \"Mill\"'"),
        "--top-k": ("value", "How many passages to look at, 1 to 100"),
        "-k": ("value", "How many passages to look at, 1 to 100"),
        "--fail-empty": ("", "Exit with 1 where nothing is found"),
        "--all": ("", "Ask every library that is known"),
        "--model": ("value", "The model that answers"),
        "--answer-url": (
            "value",
            "Let a model of yours write the answer: its chat completions server, such as http://127.0.0.1:11434/v1",
        ),
        "--answer-model": ("value", "The model there; without it the first that the server has"),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
        "--reranker": (
            ":files",
            "Folder of an ONNX cross-encoder that orders the first passages of the embedded store",
        ),
    },
    "chat": {
        "--filter": ("value", "Only documents whose metadata fit, such as 'author = \"Mill\"'"),
        "--top-k": ("value", "How many passages to look at, 1 to 100"),
        "-k": ("value", "How many passages to look at, 1 to 100"),
        "--model": ("value", "The model that answers"),
        "--answer-url": (
            "value",
            "Let a model of yours write the answer: its chat completions server, such as http://127.0.0.1:11434/v1",
        ),
        "--answer-model": ("value", "The model there; without it the first that the server has"),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
        "--reranker": (
            ":files",
            "Folder of an ONNX cross-encoder that orders the first passages of the embedded store",
        ),
    },
    "media": {
        "--output": (":files", "File to write; it must not exist (default: the id, in this folder)"),
    },
    "metrics": {
        "--file": (":files", "Write to this file at once, for a collector that reads files"),
    },
    "watch": {
        "--prune": ("", "Also remove documents of files that are gone, after the grace"),
        "--prune-grace": ("value", "How long a file must be gone before its document is removed"),
        "--grace": ("value", "How long a file must be gone before its document is removed"),
        "--embed-seconds": ("value", "How long to go on preparing search by meaning in the embedded store"),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
        "--print-unit": (
            "systemd systemd-timer launchd cron task-scheduler",
            "Print what starts it with the machine, and end",
        ),
    },
    "ui": {
        "--port": ("value", "Port of the pages; 0 takes any free one"),
        "--write": ("", "Let the pages also run uploads and repairs, each after a button or a typed number"),
        "--no-open": ("", "Only print the address, for a browser that you open yourself"),
    },
    "mcp": {
        "--write": ("", "Also offer the tools that upload and remove documents"),
        "--http": ("", "Serve on a port of this machine, not on standard input and output"),
        "--port": ("value", "Port for --http; 0 takes any free one"),
        "--print-config": ("", "Print what the settings of an MCP client need, and end"),
    },
    "serve": {
        "--port": ("value", "Port to listen on; 0 takes any free one"),
        "--host": ("value", "Address to listen on"),
        "--allow-remote": ("", "Let other machines in; there is no password"),
        "--allow-host": ("value", "Answer under this name too (repeatable)"),
        "--empty-allow-host": ("value", "Answer under this name too (repeatable)"),
        "--require-key": ("value", "Accept this API key alone"),
        "--quota": ("value", "Refuse what goes beyond a quota, such as 10/s"),
        "--fault": (
            "value",
            "Answer a share of requests with a fault, such as lost-answer:0.02 (repeatable)",
        ),
        "--empty-fault": (
            "value",
            "Answer a share of requests with a fault, such as lost-answer:0.02 (repeatable)",
        ),
        "--strict": (
            "",
            "Refuse each request, and each answer of its own, that Google's schema does not have",
        ),
        "--op-delay": ("value", "Seconds until an upload is ACTIVE"),
        "--list-lag": ("value", "Seconds for which listings lack a new document"),
        "--seed": ("value", "Number that the faults are drawn from"),
        "--write": ("", "Let the pages also run uploads and repairs, each after a button or a typed number"),
        "--embedder": (
            "value",
            "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        ),
        "--reranker": (
            ":files",
            "Folder of an ONNX cross-encoder that orders the first passages of the embedded store",
        ),
    },
    "libraries": {
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
    },
    "stores": {
        "--embedding-model": (
            "value",
            "Embedding model of a store that is made; gemini-embedding-2 takes pictures",
        ),
        "--yes": ("", "With delete: do not ask for the name of the store to be typed"),
        "--others": ("value", "With delete: how many documents that are not of this library go with it"),
        "--by-name": (
            "value",
            "With adopt: how many documents that fit by name and size alone are taken over",
        ),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "--all": ("", "With --dry-run: list every path, not only the first"),
    },
    "move": {
        "--yes": ("", "Also if most of its files are not in the new folder"),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
    },
    "runs": {
        "--all": ("", "List those too that ended long ago"),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
    },
    "ledger": {
        "--keep-history": ("value", "With compact: how old history must be before it is removed"),
        "--keep": ("value", "With compact: how old history must be before it is removed"),
        "--dry-run": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
        "-n": ("", "Only say what would be done to each path, and what it costs; leave no trace"),
    },
}

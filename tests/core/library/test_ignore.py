"""Ignore rules; git decides what gitignore syntax means."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from objlib.core.errors import UsageError
from objlib.core.library.ignore import GIT_FILE, IgnoreRules

ATOMS = [
    "*", "foo", "bar", "*.md", "*.txt", "foo/", "/foo", "foo/bar", "foo/*", "foo/**", "**/bar", "**/bar/", "*/",
    "foo/**/bar", "f?o", "[fb]*", "bar/x.md", "/bar/*.md", "**", "a.md", "foo/bar/", "/*", "b*r/", "# c", "",
    "foo\\ ", "x.md ", "**/", "/**/x.md", "\\#a", "\\!foo", "[!f]oo", "*.m[c-e]",
]  # fmt: skip
FOLDERS = ["", "foo", "bar", "foo/bar", "foo/foo", "bar/foo", "bar/bar", "foo/bar/foo"]


def ignored(rules: IgnoreRules, path: str, *, folder: bool = False) -> bool:
    return bool(rules.reason(path, path.rpartition("/")[2], folder=folder))


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to compare with")
@pytest.mark.parametrize("seed", range(30))
def test_rules_mean_the_same_as_in_git(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    (tmp_path / ".git").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    rules: dict[str, str] = {}
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in ("a.md", "x.md", "b.txt"):
            (tmp_path / folder / name).write_text("text")
        if not folder or random.random() < 0.3:
            lines = [("!" if random.random() < 0.4 else "") + random.choice(ATOMS) for _ in range(4)]
            # Git takes a lone "!" for nothing; here it is refused.
            rules[folder] = "\n".join(line for line in lines if line != "!") + "\n"
            (tmp_path / folder / ".gitignore").write_text(rules[folder])
    command = ["git", "-C", str(tmp_path), "ls-files", "-o", "--exclude-per-directory=.gitignore", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    expected = {path for path in listed if path and not path.endswith(".gitignore")}
    assert _walked(tmp_path, "", IgnoreRules(), rules) == expected, rules
    git = IgnoreRules.of(gitignore=True)
    assert _walked(tmp_path, "", git, rules, ".gitignore") == expected, rules
    inner = {
        folder.removeprefix("foo").lstrip("/"): text for folder, text in rules.items() if folder[:3] == "foo"
    }
    if any(path.startswith("foo/") for path in expected):  # else git leaves out the folder itself
        below = {path.removeprefix("foo/") for path in expected if path.startswith("foo/")}
        whole = git.above("up/.gitignore", rules[""], "foo/")
        assert _walked(tmp_path / "foo", "", whole, inner, ".gitignore") == below, rules


def _walked(
    root: Path, folder: str, inherited: IgnoreRules, texts: dict[str, str], name: str = ".objlibignore"
) -> set[str]:
    rules = inherited.below(folder, texts[folder], name) if folder in texts else inherited
    paths = set()
    for entry in os.scandir(root / folder):
        path = f"{folder}/{entry.name}".lstrip("/")
        if entry.name.startswith(".") or rules.reason(path, entry.name, folder=entry.is_dir()):
            continue
        paths |= _walked(root, path, rules, texts, name) if entry.is_dir() else {path}
    return paths


def test_the_strongest_rule_is_the_nearest() -> None:
    rules = IgnoreRules.of(["*.log", "notes/"])
    assert ignored(rules, "a.log")
    assert ignored(rules, "notes", folder=True)
    assert not ignored(rules, "notes")
    nearer = rules.below("sub", "!keep.log\n")
    assert not ignored(nearer, "sub/keep.log")
    assert ignored(nearer, "sub/other.log")
    assert ignored(rules, "keep.log")


def test_a_rule_can_take_in_a_built_in_exclusion() -> None:
    rules = IgnoreRules.of(["!.notes/", "!draft.tmp"])
    assert not ignored(rules, ".notes", folder=True)
    assert ignored(rules, ".other", folder=True)
    assert not ignored(rules, "draft.tmp")


def test_no_rule_can_take_in_our_own_files() -> None:
    rules = IgnoreRules.of(["!*", "!.objlibignore"], own=["data/ledger.db"])
    assert ignored(rules, "data/ledger.db")
    assert ignored(rules, "x/.objlibignore")
    assert not ignored(rules, "data/other.db")


@pytest.mark.parametrize("line", ["!", "[z-a]", "\\"])
def test_a_line_that_is_no_rule_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="cannot be understood"):
        IgnoreRules().below("", f"*.log\n{line}\n\n# comment\n")
    with pytest.raises(UsageError, match="in the setting ignore"):
        IgnoreRules.of([line])
    with pytest.raises(UsageError, match="in the setting include"):
        IgnoreRules.of(include=[line])
    with pytest.raises(UsageError, match="in the setting exclude"):
        IgnoreRules.of(exclude=[line])


def test_an_exclusion_of_the_call_is_stronger_than_any_rule() -> None:
    rules = IgnoreRules.of(["!*.key"], exclude=["*.key", "!open.key"]).below("a", "!*\n")
    assert ignored(rules, "a/x.key")
    assert rules.reason("a/x.key", "x.key", folder=False) == "the rule '*.key' in --exclude"
    assert not ignored(rules, "a/open.key")
    assert not ignored(rules, "a/x.txt")


def test_only_files_that_fit_are_included() -> None:
    rules = IgnoreRules.of(["draft*"], include=["*.md", "/talks/", "!secret.md"])
    assert not ignored(rules, "a/b.md")
    assert not ignored(rules, "talks/deep/x.pdf")
    assert not ignored(rules, "a", folder=True)
    assert rules.reason("a/b.txt", "b.txt", folder=False) == "the setting include, of which it fits no rule"
    assert ignored(rules, "a/talks/x.pdf")
    assert ignored(rules, "secret.md")
    assert ignored(rules, "draft.md")
    assert ignored(rules, ".hidden.md")


def test_rules_of_git_count_on_request_and_take_in_nothing() -> None:
    rules = IgnoreRules.of(gitignore=True).below(
        "", "build/\n*.log\n!keep.log\n!.env.example\n", ".gitignore"
    )
    assert ignored(rules, "build", folder=True)
    assert not ignored(rules, "keep.log")
    assert ignored(rules, ".env.example"), "git keeps it, and it is hidden all the same"
    assert rules.reason("x.log", "x.log", folder=False) == "the rule '*.log' in .gitignore"
    ours = rules.below("", "!x.log\n!.env.example\n")
    assert not ignored(ours, "x.log")
    assert not ignored(ours, ".env.example")
    nearer = ours.below("a", "x.log\n", ".gitignore")
    assert not ignored(nearer, "a/x.log"), "a rule of ours is stronger, wherever it stands"
    assert IgnoreRules().files == (".objlibignore",)


def test_rules_are_compared_in_nfc() -> None:
    rules = IgnoreRules().below("", "cafe\u0301.txt\r\n*.log\r\n")
    assert ignored(rules, "caf\u00e9.txt")
    assert ignored(rules, "a.log")


def test_the_reason_names_the_rule_and_where_it_stands() -> None:
    rules = IgnoreRules.of(["*.log"]).below("a", "# private\nkeys/ \n!open.log\n")
    assert rules.reason("a/keys", "keys", folder=True) == "the rule 'keys/' in a/.objlibignore"
    assert rules.reason("a/b.log", "b.log", folder=False) == "the rule '*.log' in the setting ignore"
    assert rules.reason("a/open.log", "open.log", folder=False) == ""
    built_in = {
        ".diary": "hidden files and folders",
        "a~": "backups and lock files of editors",
        "~$a.docx": "backups and lock files of editors",
        "film.crdownload": "temporary and unfinished files",
        "Thumbs.db": "files of desktops and systems",
    }
    for name, kind in built_in.items():
        assert rules.reason(name, name, folder=False) == f"the built-in rule for {kind}"


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("private/ # my letters", r"write \#"),
        ("private\\letters/", "write / instead"),
        ("!private\\letters/", "write / instead"),
        ("./private/", "write the path as it is seen from the folder of the rules"),
        ("../private/", "write the path as it is seen from the folder of the rules"),
        ("~/private/", "write the path as it is seen from the folder of the rules"),
    ],
)
def test_a_rule_that_hides_other_than_it_seems_to_is_refused_but_in_a_file_of_git(
    line: str, advice: str
) -> None:
    rules = IgnoreRules.of([], own=(), gitignore=True)
    with pytest.raises(ValueError, match=re.escape(advice)):
        rules.below("", line)
    with pytest.raises(UsageError, match=re.escape(advice)):
        IgnoreRules.of([line])
    rules.below("", line, GIT_FILE)


@pytest.mark.parametrize("line", [r"C \#1/", "#1", r"\#1", "a\\\\b", "...", ".hidden/", "~$x", r"a\*b"])
def test_a_name_with_signs_can_be_written(line: str) -> None:
    IgnoreRules.of([line])

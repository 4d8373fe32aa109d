"""Build wheel and sdist into dist/, check what is in them, and run objlib from the wheel in a fresh environment.

Run it as ``just release``, or as ``just release v1.2.3`` to check the tag against the version as well.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DIST: Final = ROOT / "dist"

WHEEL_FILES: Final = (
    "objlib/py.typed",
    "objlib/__main__.py",
    "objlib/embedded/model/LICENSE",
    "objlib/embedded/model/NOTICE",
)
"""Files without which an installed objlib is broken, untyped or unlicensed."""

SDIST_FILES: Final = ("pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "constraints.txt", "Justfile")
"""Files without which the source cannot be built, tested or understood."""

SDIST_FOLDERS: Final = ("objlib", "tests", "docs", "examples")
"""Folders that the tests of the source need."""


def main(tag: str | None) -> int:
    """Build, check and try out; return 1 with a line on stderr where something is wrong."""
    try:
        version = _version()
        if tag is not None:
            _check_tag(tag, version)
        wheel, sdist = _build(version)
        _check_wheel(wheel)
        _check_sdist(sdist)
        _try_out(wheel, version)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    for path in (wheel, sdist):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


class ReleaseError(Exception):
    """A release that must not be made, with the reason."""


def _version() -> str:
    text = (ROOT / "objlib" / "__init__.py").read_text("utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def _check_tag(tag: str, version: str) -> None:
    """Refuse a tag that is not the version, or whose version has no section in the changelog."""
    if tag != f"v{version}":
        raise ReleaseError(f"the tag {tag} is not v{version}, the version in objlib/version.py")
    if f"\n## {version}" not in (ROOT / "CHANGELOG.md").read_text("utf-8"):
        raise ReleaseError(f"CHANGELOG.md has no section {version}: rename Unreleased")


def _build(version: str) -> tuple[Path, Path]:
    """Build the sdist, and from the sdist the wheel, so that the sdist is known to be complete."""
    shutil.rmtree(DIST, ignore_errors=True)
    _run(_uv(), "build", "--quiet", "--out-dir", str(DIST), str(ROOT))
    wheel, sdist = DIST / f"objlib-{version}-py3-none-any.whl", DIST / f"objlib-{version}.tar.gz"
    for path in (wheel, sdist):
        if not path.exists():
            raise ReleaseError(f"the build made no {path.name}")
    (DIST / ".gitignore").unlink(missing_ok=True)
    return wheel, sdist


def _check_wheel(wheel: Path) -> None:
    """Refuse a wheel that lacks a file, or that ships something beside the package."""
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = [name for name in WHEEL_FILES if name not in names]
    strays = sorted({name.split("/")[0] for name in names} - {"objlib"})
    strays = [name for name in strays if not name.endswith(".dist-info")]
    if not any(name.endswith(".onnx") for name in names):
        missing.append("the model")
    if missing or strays:
        raise ReleaseError(f"{wheel.name} lacks {missing} and should not hold {strays}")


def _check_sdist(sdist: Path) -> None:
    """Refuse a source archive that lacks a file or a folder."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = [name for name in SDIST_FILES if name not in names]
    missing += [name for name in SDIST_FOLDERS if not any(path.startswith(f"{name}/") for path in names)]
    if missing:
        raise ReleaseError(f"{sdist.name} lacks {missing}")


def _try_out(wheel: Path, version: str) -> None:
    """Install the wheel in a new environment and run it outside of the checkout."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        scripts = venv / ("Scripts" if os.name == "nt" else "bin")
        _run(_uv(), "venv", "--quiet", "--python", sys.executable, str(venv))
        install = (_uv(), "pip", "install", "--quiet", "--python", str(scripts / "python"))
        _run(*install, "--constraint", str(ROOT / "constraints.txt"), str(wheel))
        printed = _run(str(scripts / "objlib"), "--version", cwd=folder).strip()
        if version not in printed:
            raise ReleaseError(f"the installed objlib says {printed!r}, not {version}")
        library = Path(folder) / "library"
        library.mkdir()
        (library / "promise.txt").write_text("A promise is kept because it was given.\n", "utf-8")
        command = (str(scripts / "objlib"), "upload", "library", "--backend", "embedded", "--ledger", "l.db")
        _run(*command, cwd=folder)


def _uv() -> str:
    """Name the uv that runs these jobs: uvx tells its own in $UV."""
    return os.environ.get("UV", "uv")


def _run(*command: str, cwd: str | Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag", nargs="?", help="the tag of the release, such as v1.2.3")
    sys.exit(main(parser.parse_args().tag))

#!/bin/sh
# Make .venv for `main` (running objlib) or `dev` (testing it as well), or bring it up to date. Called by the Justfile.
#
# The stamp is a copy of what was installed from, and of the place it was installed in, since an editable install
# knows its own path. Comparing contents costs two small processes and is right where times are not (a checkout, a copy).
# `uv pip` is used rather than `uv sync` because the latter writes a uv.lock that names the index it was made with.
set -eu
group=$1
python=.venv/bin/python
[ "${OS:-}" != Windows_NT ] || python=.venv/Scripts/python.exe

wanted() { pwd && cat pyproject.toml constraints.txt; }

if [ -x "$python" ] && wanted | cmp -s - ".venv/objlib-$group"; then
    exit 0
fi

# uvx tells the programs it starts in $UV where its own uv is; pip may have put uv where PATH does not look.
run_uv() {
    if [ -n "${UV:-}" ]; then "$UV" "$@"
    elif command -v uv >/dev/null; then uv "$@"
    else python3 -m uv "$@"
    fi
}

echo "Setting up .venv (once, and again when a dependency changed) ..." >&2
# Below 3.15: the pinned onnxruntime has no wheel for it yet. On a machine with nothing older uv fetches a Python.
[ -x "$python" ] || run_uv venv --quiet --allow-existing --python '>=3.11,<3.15' .venv
case $group in
    main) run_uv pip install --quiet --python "$python" --constraint constraints.txt --editable '.[formats]' ;;
    dev) run_uv pip install --quiet --python "$python" --constraint constraints.txt --editable '.[formats]' --group dev ;;
    *) echo "scripts/env.sh: no such environment: $group" >&2 && exit 2 ;;
esac
# A Python that may not keep bytecode (containers often say so) compiles all it imports again on every start, for about
# a second. This .venv is ours, so it is done once here.
if [ -n "${PYTHONDONTWRITEBYTECODE:-}" ]; then
    # onnxruntime reports its use to its vendor unless that is switched off before its first import.
    keeping() { PYTHONDONTWRITEBYTECODE='' ORT_DISABLE_TELEMETRY=1 "$python" -c "import $1"; }
    keeping 'objlib.cli.commands.search, objlib.cli.commands.upload, objlib.engine.search.ask, objlib.engine.upload.run'
    keeping onnxruntime 2>/dev/null || : # where it cannot be loaded, objlib searches by words and says so
fi
wanted > .venv/objlib-main # `dev` holds all that `main` does
[ "$group" = main ] || wanted > .venv/objlib-dev

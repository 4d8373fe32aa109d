# Every job of this repository. `just` alone runs the tests, `just --list` shows the rest.
#
# The recipes want a POSIX sh. Linux and macOS have one; on Windows the one of Git for Windows does, when it is on PATH.
# Nothing has to be installed first but uv: the first job that needs an environment makes .venv, later ones reuse it.

# Arguments travel as "$@", so that spaces and quotes in them reach objlib unchanged.
set positional-arguments

bin := justfile_directory() / if os_family() == "windows" { ".venv/Scripts" } else { ".venv/bin" }
objlib := quote(bin / "objlib")
python := quote(bin / "python")

# run all tests, the house rules (lint, types, imports) among them
default: test

# put a folder into the store and keep it in sync: just upload [PATH] [--limit N] [--dry-run] [--retry-failed]
[no-cd]
upload *ARGS: (env "main")
    @{{ objlib }} upload "$@"

# settle what interrupted runs left
[no-cd]
recover *ARGS: (env "main")
    @{{ objlib }} recover "$@"

# show counts by state, and failures with their reasons
[no-cd]
status *ARGS: (env "main")
    @{{ objlib }} status "$@"

# find passages: just search "what do we owe to strangers"
[no-cd]
search *ARGS: (env "main")
    @{{ objlib }} search "$@"

# get an answer with its citations: just ask "why keep a promise"
[no-cd]
ask *ARGS: (env "main")
    @{{ objlib }} ask "$@"

# serve the embedded store on a port
[no-cd]
serve *ARGS: (env "main")
    @{{ objlib }} serve "$@"

# compare the disk with the ledger, send nothing
[no-cd]
scan *ARGS: (env "main")
    @{{ objlib }} scan "$@"

# check what is configured, reachable and writable
[no-cd]
doctor *ARGS: (env "main")
    @{{ objlib }} doctor "$@"

# run any other command: just objlib explain "Ethics/Year 2021/Q1/01 What a good life is.txt"
[no-cd]
objlib *ARGS: (env "main")
    @{{ objlib }} "$@"

# run the tests on all cores, or those that pytest's arguments select: just test tests/ledger -k commit
test *args: (env "dev")
    @{{ python }} -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal "$@"

# run the house rules alone: style, trio rules, types, imports, prose
lint: (test "tests/house")

# check types, strictly, of the package and its tests
types: (env "dev")
    @{{ python }} -m mypy

# run all of CI, the quick checks first
check: lint (test "--ignore=tests/house")

# apply what ruff can mend
fix: (env "dev")
    @{{ python }} -m ruff check --fix-only .
    @{{ python }} -m ruff format .

# install from the system's packages (Debian, Ubuntu) what some tests need: promtool, Chromium, PostgreSQL, zsh, fish, groff
system-tools:
    @{ command -v promtool && command -v chromium && command -v zsh && command -v fish && command -v groff && ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || apt-get update -qq
    @command -v promtool >/dev/null || apt-get install -qq -y --no-install-recommends prometheus
    @command -v chromium >/dev/null || apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core
    @{ command -v zsh && command -v fish && command -v groff; } >/dev/null || apt-get install -qq -y --no-install-recommends zsh fish groff-base
    @ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || apt-get install -qq -y --no-install-recommends postgresql

# By its version: npm would choose one for the Node.js at hand that sends no header yet, and the port wants a token.
#
# let the MCP Inspector (npm) list and call every tool over both transports
inspector: (env "dev")
    @npm install --silent --no-audit --no-fund --prefix .venv/inspector @modelcontextprotocol/inspector@0.17.2
    @{{ python }} -m pytest -q tests/mcp/test_inspector.py

# take pictures of all pages, light and dark, wide and narrow: just pages [FOLDER]
pages *FOLDER: (env "dev")
    @{{ python }} -m tests.web.pictures "$@"

# measure branch coverage of core, sqlite, ledger and engine by the tests, and list what they miss (ten minutes)
coverage *ARGS: (env "dev")
    @rm -f .coverage .coverage.*
    @{{ python }} -m coverage run -m pytest -q --numprocesses auto tests --ignore tests/house --ignore tests/clients --ignore tests/embedded --ignore tests/web/test_browser.py --ignore tests/cli/test_startup.py "$@"
    @{{ python }} -m coverage combine -q
    @{{ python }} -m coverage report

# run one benchmark with its options: just bench ledger
bench NAME *ARGS: (env "main")
    @script="benchmarks/$(echo "$1" | tr - _).py" && shift && {{ python }} "$script" "$@"

# run the two spikes, evidence with measured figures: just spike, or just spike phase9, phase18
spike *ARGS: (env "dev")
    @{{ python }} -m spike "$@"

# write the generated parts of docs/ (command line, lifecycle, constants of the pace, safeguards), and from all pages dist/man and dist/site
docs: (env "dev")
    @{{ python }} -m scripts.lifecycle_doc
    @{{ python }} -m scripts.pacing_doc
    @{{ python }} -m scripts.completion_table
    @{{ python }} -m scripts.cli_doc
    @{{ python }} -m tests.testing.mutants --docs
    @{{ python }} -m scripts.man_pages
    @{{ python }} -m scripts.doc_site

# lint the prose of files or folders: just prose objlib/engine
prose *PATHS: (env "dev")
    @{{ python }} -m tests.house.prose "$@"

# build wheel and sdist into dist/, check them, and run objlib from the wheel: just release [TAG]
release *TAG: (env "main")
    @{{ python }} scripts/release.py "$@"

# choose the newest versions of everything and pin them in constraints.txt
constraints:
    @"${UV:-uv}" pip compile --quiet --universal --upgrade --python-version 3.11 --no-header --no-emit-index-url \
        --no-annotate --all-extras --group dev --group bench --group clients pyproject.toml -o constraints.txt

# try the clients that others wrote against a served store: google-genai, google-api-core, resumable-media, LiteLLM, agno, curl
clients *ARGS: (env "dev")
    @"${UV:-uv}" pip install --quiet --python {{ python }} --constraint constraints.txt --group clients
    @{{ python }} -m pytest tests/clients "$@"

# misuse a served store over a real port (just fuzz twin), measure the readers of documents (just fuzz readers), or kill while a store changes (just fuzz index_kill)
fuzz NAME *ARGS: (env "dev")
    @name="$1" && shift && {{ python }} -m "tests.support.fuzz.$name" "$@"

# play seeded simulated worlds and check the promises in each: just torture [--seeds N] [--seed S] [--jobs N]
torture *ARGS: (env "main")
    @{{ python }} -m objlib.testing.torture "$@"

# let a run die at every crash point, and the next run at each of its own: just crash [--pairs N] [--every N] [--jobs N]
crash *ARGS: (env "main")
    @{{ python }} -m objlib.testing.crash "$@"

# live through days of `objlib watch` in virtual time, with outages and quotas: just watch-day [--seeds N] [--seed S]
watch-day *ARGS: (env "dev")
    @{{ python }} -m tests.watch.day "$@"

# kill real processes at random instants, with a ledger in a file or in PostgreSQL: just kill [-n N] [--ledger postgresql://]
kill *ARGS: (env "main")
    @{{ python }} -m objlib.testing.kill "$@"

# freeze the run that scans a large library past its heartbeat, and thaw it: just freeze [--files N] [--seconds S] [--ledger postgresql://]
freeze *ARGS: (env "main")
    @{{ python }} -m objlib.testing.freeze "$@"

# .venv as the jobs above need it: `main` to run objlib, `dev` to test it too
[private]
env group:
    @sh scripts/env.sh "$1"

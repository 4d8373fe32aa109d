"""``python -m spike [phase9|phase18] [--quick] [--record]``: one harness or both; 0 when every check passed."""

import sys

from spike.phase9_spike import harness as phase9
from spike.phase18_spike import harness as phase18

HARNESSES = {"phase9": phase9.run, "phase18": phase18.run}


def main(arguments: list[str]) -> int:
    """Run the named harness, or all of them; the exit code of the worst."""
    names = [argument for argument in arguments if not argument.startswith("-")]
    options = [argument for argument in arguments if argument.startswith("-")]
    if unknown := [name for name in names if name not in HARNESSES]:
        print(f"spike: there is no {unknown[0]}; choose from {', '.join(HARNESSES)}", file=sys.stderr)
        return 2
    return max(HARNESSES[name](options) for name in names or HARNESSES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

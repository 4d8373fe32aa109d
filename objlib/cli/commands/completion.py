"""``objlib completion``."""

# The app names this module, so it cannot be imported first.

from typing import Annotated, Literal

from objlib.cli.console.output import print_lines
from objlib.cli.options import option
from objlib.core.errors import Exit


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], option("The shell")], /) -> int:
    """Print a script that completes commands and options, to be put where the shell looks for it.

    bash: objlib completion bash > ~/.local/share/bash-completion/completions/objlib.
    zsh: into a file _objlib in a folder of $fpath.
    fish: into ~/.config/fish/completions/objlib.fish.
    """
    from objlib.cli.app import app

    print_lines([app.generate_completion(shell=shell).rstrip("\n")])
    return Exit.OK

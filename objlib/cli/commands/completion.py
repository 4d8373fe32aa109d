"""``objlib completion``."""

from typing import Annotated, Final, Literal

from objlib.cli.console.output import print_lines
from objlib.cli.options import option
from objlib.core.errors import Exit

SCRIPTS: Final = {
    "bash": """\
_objlib() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files) compopt -o default; return ;;
            :folders) compopt -o dirnames; return ;;
        esac
        COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" complete bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    compopt -o filenames 2>/dev/null
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -F _objlib objlib""",
    "zsh": """\
#compdef objlib
_objlib() {
    local -a values texts
    local line
    for line in "${(@f)$(command "${words[1]}" complete zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            :files) _files; return ;;
            :folders) _files -/; return ;;
            *$'\\t'*) values+=("${line%%$'\\t'*}"); texts+=("${line/$'\\t'/  }") ;;
            ?*) values+=("$line"); texts+=("$line") ;;
        esac
    done
    local -a end
    [[ ${#values} -eq 1 && ${values[1]} == */ ]] && end=(-S "")
    compadd -l -d texts "${end[@]}" -a values
}
if [ "$funcstack[1]" = "_objlib" ]; then _objlib "$@"; else compdef _objlib objlib; fi""",
    "fish": """\
function __objlib_complete
    set -l words (commandline -opc)
    set -l lines (command $words[1] complete fish -- $words[2..-1] (commandline -ct) 2>/dev/null)
    switch "$lines[1]"
        case :files
            __fish_complete_path (commandline -ct)
        case :folders
            __fish_complete_directories (commandline -ct)
        case '*'
            test -n "$lines"; and printf '%s\\n' $lines
    end
end
complete -c objlib -f -a '(__objlib_complete)'""",
}
"""The script of each shell: it asks ``objlib complete`` for everything, so a newer objlib needs no newer script."""


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], option("The shell")], /) -> int:
    """Print a script that completes commands, options, and what the ledger knows: paths, stores, metadata, runs.

    bash: objlib completion bash > ~/.local/share/bash-completion/completions/objlib.
    zsh: into a file _objlib in a folder of $fpath.
    fish: into ~/.config/fish/completions/objlib.fish.
    """
    print_lines([SCRIPTS[shell]])
    return Exit.OK

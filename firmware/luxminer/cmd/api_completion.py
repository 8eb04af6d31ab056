"""Completion of the names of API commands in the shell."""

from luxminer.api.commands import COMMANDS

__all__ = ["SHELLS", "script"]

OPTIONS = ("--host", "--port", "--json", "--text", "--watch", "--timeout", "--completion")

BASH = """\
_luxminer_api() {{
    local word=${{COMP_WORDS[COMP_CWORD]}}
    [[ ${{COMP_WORDS[1]}} == api ]] || return
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "{options}" -- "$word"))
    elif (( COMP_CWORD == 2 )); then
        COMPREPLY=($(compgen -W "{names}" -- "$word"))
    fi
}}
complete -o default -F _luxminer_api luxminer
"""
ZSH = f"autoload -U +X bashcompinit && bashcompinit\n{BASH}"
FISH = """\
set -l names {names}
complete -c luxminer -n "__fish_seen_subcommand_from api; \
and not __fish_seen_subcommand_from $names" -f -a "$names"
"""

SHELLS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def script(shell: str) -> str:
    """Return what the shell has to read at its start."""
    return SHELLS[shell].format(names=" ".join(sorted(COMMANDS)), options=" ".join(OPTIONS))

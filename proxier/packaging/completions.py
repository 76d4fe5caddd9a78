"""What bash and zsh need to know to complete proxier's command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxier.packaging.parser_tree import DEVICE, FILE, Argument, Command, read_parser

_MADE = "# Made from the parser that makes --help too: python -m proxier.packaging writes it anew."
_DEVICES = "proxier devices 2>/dev/null | awk -F '  +' 'NR > 1 { print $1 }'"
"""Lists the virtual devices, whose names may have single spaces in them."""

_BASH = """\
{made}

_proxier() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local command="" words="" value="" index device
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "$command ${{COMP_WORDS[index]}}" in
{steps}
        esac
    done
    case "$command" in
{words}
    esac
    case "$previous" in
{values}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    case "$value" in
        {file})
            compopt -o filenames
            mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -- "$current")
            ;;
        {device})
            while IFS= read -r device; do
                [[ $device == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$device")")
            done < <({devices})
            ;;
    esac
}}

complete -F _proxier proxier
"""

_ZSH = """\
#compdef proxier
{made}

_proxier_device() {{
    local -a devices
    devices=(${{(f)"$({devices})"}})
    compadd -a devices
}}

{functions}
_proxier "$@"
"""


def bash() -> str:
    """The completion for bash 4.4 or newer.

    Source: bash(1), Programmable Completion
    """
    commands = list(read_parser().all())
    return _BASH.format(
        made=_MADE,
        steps="\n".join(_bash_steps(commands)),
        words="\n".join(map(_bash_words, commands)),
        values="\n".join(_bash_values(commands)),
        file=FILE,
        device=DEVICE,
        devices=_DEVICES,
    )


def _bash_steps(commands: Iterable[Command]) -> Iterator[str]:
    for command in commands:
        if command.words:
            before, word = " ".join(command.words[:-1]), command.words[-1]
            yield f'            "{before} {word}") command="{" ".join(command.words)}" ;;'


def _bash_words(command: Command) -> str:
    words = [each.words[-1] for each in command.actions] + [option.names[-1] for option in command.options]
    values = [f" value={each.metavar}" for each in command.positionals]
    return f'        "{" ".join(command.words)}") words="{" ".join(words)}"{"".join(values)} ;;'


def _bash_values(commands: Iterable[Command]) -> Iterator[str]:
    valued = {
        option.names[-1]: option.metavar for each in commands for option in each.options if option.metavar
    }
    for name, metavar in valued.items():
        yield f'        {name}) words="" value={metavar} ;;'


def zsh() -> str:
    """The completion for zsh.

    Source: zshcompsys(1)
    """
    functions = [_zsh_function(command) for command in reversed(list(read_parser().all()))]
    return _ZSH.format(made=_MADE, devices=_DEVICES, functions="\n".join(functions))


def _zsh_function(command: Command) -> str:
    specifications = [*map(_zsh_option, command.options), *map(_zsh_positional, command.positionals)]
    if command.actions:
        choices = " ".join(f'{each.words[-1]}\\:"{_zsh_quoted(each.help)}"' for each in command.actions)
        what = "ACTION" if command.words else "COMMAND"
        specifications += [f"'1:{what}:(({choices}))'", "'*:: :->rest'"]
    lines = [
        f"{_zsh_name(command)}() {{",
        '    local curcontext="$curcontext" state line',
        "    typeset -A opt_args",
        "    _arguments -C \\",
        " \\\n".join(f"        {each}" for each in specifications),
    ]
    if command.actions:
        lines.append('    [[ $state == rest ]] && case "$words[1]" in')
        lines += [f"        {each.words[-1]}) {_zsh_name(each)} ;;" for each in command.actions]
        lines.append("    esac")
    return "\n".join([*lines, "}", ""])


def _zsh_name(command: Command) -> str:
    return "_".join(("_proxier", *command.words))


def _zsh_option(option: Argument) -> str:
    """An option as _arguments wants it, such as `'(-h --help)'{-h,--help}'[show this help message]'`."""
    text = option.help.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]")
    value = f":{option.metavar}:{_zsh_action(option.metavar)}" if option.metavar else ""
    star = "*" if option.repeated else ""
    if len(option.names) == 1:
        return f"'{star}{option.names[0]}[{text}]{value}'"
    return f"'({' '.join(option.names)})'{{{','.join(option.names)}}}'[{text}]{value}'"


def _zsh_positional(positional: Argument) -> str:
    return f"':{positional.metavar}:{_zsh_action(positional.metavar)}'"


def _zsh_action(metavar: str) -> str:
    return {FILE: "_files", DEVICE: "_proxier_device"}.get(metavar, "")


def _zsh_quoted(text: str) -> str:
    """For double quotes inside single ones."""
    for special in '\\"$`':
        text = text.replace(special, f"\\{special}")
    return text.replace("'", "'\\''")

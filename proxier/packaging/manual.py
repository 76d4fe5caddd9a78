"""proxier(1), the manual page. Source: man-pages(7)"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from proxier import __version__
from proxier.packaging.parser_tree import Argument, Command, read_parser

LINE_LENGTH = 70
"""Of the page's source; an escaped dash makes a line longer."""

_EXIT_STATUS = (
    ("0", "all went well; of the daemon: it was stopped by SIGTERM or SIGINT"),
    ("1", "something could not be done; standard error says what"),
    ("2", "the command line or the configuration is wrong; standard error names the key and the line"),
)
_ENVIRONMENT = (
    ("PROXIER_CONFIG", "the configuration file, where --config names none"),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "set by systemd, which is then told that the daemon is ready, lives and stops",
    ),
)
_FILES = (
    (
        "/etc/proxier/proxier.toml",
        "the configuration, where neither --config nor $PROXIER_CONFIG names it and none is here",
    ),
    ("proxier.db", "the database, unless storage.url names another; beside the configuration"),
    ("proxier.db.sock", "where the daemon answers the other commands"),
    ("proxier.db.lock", "held by the one daemon that may use the database"),
)


def manual() -> str:
    """The page, in the man macros."""
    return "\n".join(_lines(read_parser())) + "\n"


def _lines(program: Command) -> Iterator[str]:
    yield '.\\" Made from the parser that makes --help too: python -m proxier.packaging writes it anew.'
    yield f'.TH PROXIER 1 "" "proxier {__version__}" "User Commands"'
    yield ".SH NAME"
    yield f"proxier \\- {_text('CPE Proxier after TR-330, between UPnP devices and an ACS')}"
    yield ".SH SYNOPSIS"
    for command in program.all():
        if command.words and not command.needs_action:
            yield from _synopsis(command, program)
    yield ".SH DESCRIPTION"
    yield _text(program.help)
    yield ".SH OPTIONS"
    yield _text("Every command takes --help and --config.")
    for option in program.options:
        yield from _item(_named(option), option.help)
    yield ".SH COMMANDS"
    for command in program.all():
        if command.words and not command.needs_action:
            yield f'.SS "proxier {_text(" ".join(command.words))}"'
            yield _text(f"{command.help[0].upper()}{command.help[1:]}.")
            for argument in _own(command, program):
                yield from _item(_named(argument), argument.help)
    for heading, rows in (("EXIT STATUS", _EXIT_STATUS), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        yield f".SH {heading}" if " " not in heading else f'.SH "{heading}"'
        for name, meaning in rows:
            yield from _item(f".B {_text(name)}", meaning)
    yield ".SH SEE ALSO"
    yield ".BR systemd.service (5)"
    yield ".PP"
    yield _text("Broadband Forum: TR-330, UPnP DM Proxy for TR-069; TR-069, CPE WAN Management Protocol")


def _synopsis(command: Command, program: Command) -> Iterator[str]:
    yield f'.SY "proxier {_text(" ".join(command.words))}"'
    yield from (_text(argument.usage) for argument in _own(command, program))
    yield ".YS"


def _own(command: Command, program: Command) -> list[Argument]:
    """The arguments of a command that not every command has."""
    common = {option.names for option in program.options}
    return [each for each in (*command.options, *command.positionals) if each.names not in common]


def _named(argument: Argument) -> str:
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in argument.names)
    return " ".join(filter(None, (names, f"\\fI{_text(argument.metavar)}\\fR" if argument.metavar else "")))


def _item(heading: str, meaning: str) -> Iterator[str]:
    yield ".TP"
    yield heading
    yield _text(meaning)


def _text(text: str) -> str:
    """A text as roff wants it: no line is a macro, and its dashes are those that one can type again."""
    lines = textwrap.wrap(text.replace("\\", "\\e"), LINE_LENGTH, break_on_hyphens=False)
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines).replace(
        "-", "\\-"
    )

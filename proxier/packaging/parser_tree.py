"""What argparse knows of the commands, as plain values: the one source of help, manual and completions."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from proxier.cli import build_parser

FILE, DEVICE = "FILE", "DEVICE"
"""Metavars whose values a shell can complete: the name of a file, a virtual device."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option, or an argument that has its place; `names` are empty for the latter."""

    names: tuple[str, ...]
    metavar: str
    """What stands for its value; empty for an option that takes none."""
    help: str
    repeated: bool

    @property
    def usage(self) -> str:
        """As it stands in a synopsis."""
        if not self.names:
            return self.metavar
        return f"[{self.names[-1]} {self.metavar}]" if self.metavar else f"[{self.names[-1]}]"


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or one of its actions."""

    words: tuple[str, ...]
    """What calls it, after the program's name; empty for the program itself."""
    help: str
    arguments: tuple[Argument, ...]
    actions: tuple[Command, ...]
    needs_action: bool

    @property
    def options(self) -> tuple[Argument, ...]:
        """The arguments that begin with a dash."""
        return tuple(each for each in self.arguments if each.names)

    @property
    def positionals(self) -> tuple[Argument, ...]:
        """The arguments that have their place."""
        return tuple(each for each in self.arguments if not each.names)

    def all(self) -> Iterator[Command]:
        """The command and everything below it, in the order of the help."""
        yield self
        for each in self.actions:
            yield from each.all()


def read_parser() -> Command:
    """The program, with all its commands."""
    return _command((), build_parser(), "")


def _command(words: tuple[str, ...], parser: argparse.ArgumentParser, help_text: str) -> Command:
    arguments: list[Argument] = []
    below: list[Command] = []
    needs_action = False
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask what it was told
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            needs_action = action.required
            texts = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            below += (_command((*words, name), each, texts[name]) for name, each in action.choices.items())
        else:
            arguments.append(_argument(action))
    return Command(words, help_text or parser.description or "", tuple(arguments), tuple(below), needs_action)


def _argument(action: argparse.Action) -> Argument:
    takes_value: bool | Literal[""] = action.nargs != 0
    metavar = str(action.metavar or action.dest) if takes_value else ""
    repeated = isinstance(action, argparse._AppendAction)  # noqa: SLF001 - as above
    return Argument(tuple(action.option_strings), metavar, action.help or "", repeated)

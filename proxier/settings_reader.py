"""Reads a TOML document into frozen classes, and collects everything that is wrong with it.

A section is a field of the outermost class; one that may stand several times is a tuple. A key is a field of
its section's class, and its rules stand in the field's annotation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from proxier.settings_rules import OneOf, Rule

S = TypeVar("S")

_TOML_TYPES: Mapping[type, str] = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a section",
}


class Problem(NamedTuple):
    """One thing that is wrong with a configuration file."""

    key: str
    """With its section, as in `acs.url`; empty: the file as a whole."""
    words: str
    line: int | None = None
    turn: int = 0
    """Which one it is of the sections of this name, the first one being 0."""


class Reader:
    """Turns one document into settings.

    Args:
        folder: where the configuration file lies.
    """

    def __init__(self, folder: Path) -> None:
        self.problems: list[Problem] = []
        self._folder = folder

    def settings(self, kind: type[S], document: Mapping[str, Any]) -> S:
        """The settings, of use only if there are no problems afterwards."""
        sections = get_type_hints(kind)
        self._name_strangers("", document, sections)
        return kind(
            **{
                name: self._sections(name, get_args(section)[0], document.get(name, []))
                if get_origin(section) is tuple
                else self._section(name, section, document.get(name, {}))
                for name, section in sections.items()
            }
        )

    def _sections(self, name: str, kind: type, tables: object) -> tuple[Any, ...]:
        if not isinstance(tables, list):
            self.problems.append(Problem(name, f"may be there several times, and begins with [[{name}]]"))
            return ()
        return tuple(self._section(name, kind, table, turn) for turn, table in enumerate(tables))

    def _section(self, name: str, kind: Any, table: object, turn: int = 0) -> Any:
        if not isinstance(table, dict):
            self.problems.append(Problem(name, f"is a section, and needs its keys under [{name}]", turn=turn))
            table = {}
        hints = get_type_hints(kind, include_extras=True)
        self._name_strangers(f"{name}.", table, hints, turn)
        values: dict[str, Any] = {}
        for key in fields(kind):
            if is_section(inner := hints[key.name]):
                place = f"{name}.{key.name}"
                values[key.name] = self._section(place, inner, table.get(key.name, {}), turn)
                continue
            value = table.get(key.name, list(key.default) if isinstance(key.default, tuple) else key.default)
            if value is NODEFAULT:
                values[key.name] = None
                self.problems.append(Problem(f"{name}.{key.name}", "is missing, and required", turn=turn))
            else:
                values[key.name] = self._value(f"{name}.{key.name}", value, hints[key.name], turn)
        return kind(**values)

    def _name_strangers(
        self, prefix: str, table: Mapping[str, Any], known: Mapping[str, Any], turn: int = 0
    ) -> None:
        for name in table.keys() - known.keys():
            import difflib  # noqa: PLC0415 - a configuration without mistakes does not need it

            likely = difflib.get_close_matches(name, known, n=1)
            advice = f"did you mean {prefix}{likely[0]}?" if likely else f"known are {', '.join(known)}"
            self.problems.append(Problem(f"{prefix}{name}", f"is unknown; {advice}", turn=turn))

    def _value(self, key: str, value: Any, hint: Any, turn: int) -> Any:
        kind, *rules = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        try:
            if get_origin(kind) is not tuple:
                return self._one(value, kind, rules)
            return tuple(self._items(self._one(value, list, ()), rules))
        except ValueError as error:
            self.problems.append(Problem(key, str(error), turn=turn))
            return None

    def _items(self, items: Sequence[Any], rules: Sequence[Rule]) -> Iterator[str]:
        for number, item in enumerate(items, 1):
            try:
                yield self._one(item, str, rules)
            except ValueError as error:
                raise ValueError(f"item {number} {error}") from error

    def _one(self, value: Any, kind: Any, rules: Sequence[Rule]) -> Any:
        if get_origin(kind) is Literal:
            kind, rules = str, [OneOf(get_args(kind))]
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ValueError(f"must be {_TOML_TYPES[kind]}, and is {_toml_type(value)}")
        if kind is str and not value.isprintable():
            odd = next(character for character in value if not character.isprintable())
            raise ValueError(f"has a character that cannot be printed: {odd!r}")  # the text may be a password
        for rule in rules:
            value = rule.accept(value, self._folder)
        return value


def is_section(hint: Any) -> bool:
    """Whether a key of such a type is a section within its section."""
    return isinstance(hint, type) and issubclass(hint, Struct)


def line_of(problem: Problem, text: str) -> int | None:
    """The line on which the key of a problem, or else its section, begins.

    A statement of TOML ends with its line unless a list or a long text is open, and then what was read so
    far is no TOML. So reading the file up to each of its lines tells where every statement begins and ends.
    """
    section, _, name = problem.key.partition(".")
    lines = text.split("\n")
    begin, section_line = 1, None
    for number in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        keys = document.get(section)
        if isinstance(keys, list):
            keys = keys[problem.turn] if problem.turn < len(keys) else None
        if keys is not None:
            section_line = section_line or begin
            if not name or _has(keys, name):
                return begin
        begin = number + 1
    return section_line


def _has(keys: Any, name: str) -> bool:
    """Whether a key is there; its name may begin with those of sections within this one."""
    if not isinstance(keys, dict):
        return False
    inner, _, rest = name.partition(".")
    return name in keys or _has(keys.get(inner), rest)


def line_of_last_statement(text: str) -> int:
    """The line on which the statement begins that the end of the file cuts off."""
    lines = text.split("\n")
    for number in range(len(lines) - 1, 0, -1):
        try:
            tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        return number + 1
    return 1


def _toml_type(value: object) -> str:
    return _TOML_TYPES.get(type(value), "a date or time")

"""Writes docs/configuration.md from proxier/settings.py: `python -m tests.proxier.configuration_page`."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from cwmp_client.messages.concealing import is_secret
from proxier.settings import Settings
from proxier.settings_reader import is_section
from proxier.settings_rules import Between, DatabaseFile, Longest, Matching, ReadableFile

_BEGINNING = """\
# Configuration

All that may stand in the configuration file, which is [TOML](https://toml.io). This page is made from
`proxier/settings.py`, and a test checks that it is up to date.

The file is the one that `--config` names, else the one in `$PROXIER_CONFIG`, else `proxier.toml` in the
current folder, else `/etc/proxier/proxier.toml`. Only `acs.url` is required. A section or key that is not
known is an error, as is a value that does not keep to the limits; `proxier config check` names the key and
the line, or says what is in force, with secrets masked. Names of files are relative to the folder of the
configuration file.
"""

_TYPES = {str: "text", bool: "true or false", int: "whole number", float: "number"}


def markdown() -> str:
    """The whole page."""
    return "\n".join([_BEGINNING, *_sections()])


def _sections() -> Iterator[str]:
    hints = get_type_hints(Settings)
    for section in fields(Settings):
        hint = hints[section.name]
        many = get_origin(hint) is tuple
        if many:
            yield from _section(
                f"[[{section.name}]]", get_args(hint)[0], " There may be any number of these sections."
            )
        else:
            yield from _section(f"[{section.name}]", hint)


def _section(name: str, kind: Any, remark: str = "") -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield f"{inspect.getdoc(kind)}{remark}"
    yield ""
    yield "| Key | Values | Default | Meaning |"
    yield "|---|---|---|---|"
    yield from _rows(kind)
    yield ""
    for inner, hint in get_type_hints(kind).items():
        if is_section(hint):
            yield from _section(f"{name.rstrip(']')}.{inner}]", hint)


def _rows(kind: Any) -> Iterator[str]:
    meanings = _meanings(kind)
    hints = get_type_hints(kind, include_extras=True)
    for key in fields(kind):
        if is_section(hints[key.name]):
            continue
        values = _values(hints[key.name]) + (", secret" if is_secret(key.name) else "")
        cells = (f"`{key.name}`", values, _default(key), meanings[key.name])
        yield f"| {' | '.join(cells)} |"


def _meanings(kind: Any) -> dict[str, str]:
    """The text under each field."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        statement.target.id: " ".join(inspect.cleandoc(text.value.value).split())
        for statement, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _values(hint: Any) -> str:
    kind, *rules = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in get_args(kind))
    name = "list of texts" if get_origin(kind) is tuple else _TYPES[kind]
    return ", ".join([name, *filter(None, map(_limit, rules))])


def _limit(rule: object) -> str:
    match rule:
        case Between(least, greatest):
            return f"{least} to {greatest}"
        case Longest(characters):
            return f"at most {characters} characters"
        case Matching(_, words):
            return words
        case ReadableFile():
            return "the name of a file that can be read"
        case DatabaseFile():
            return "`sqlite:///` and the name of a file"
        case _:
            raise ValueError(rule)


def _default(key: FieldInfo) -> str:
    return "required" if key.default is NODEFAULT else f"`{json.dumps(key.default)}`"


if __name__ == "__main__":
    Path("docs/configuration.md").write_text(markdown(), encoding="utf-8")

"""What holds a password does not show it."""

from __future__ import annotations

from msgspec import Struct


class Concealing(Struct, frozen=True):
    """A record whose passwords stay out of what is printed of it, so that no log or traceback has them."""

    def __repr__(self) -> str:
        shown = (name for name in self.__struct_fields__ if not is_secret(name))
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def is_secret(name: str) -> bool:
    """Whether the field of this name is a password."""
    return name.endswith("password")

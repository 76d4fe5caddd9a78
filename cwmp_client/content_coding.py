"""Bodies as they were before a server packed them.

Source: RFC 9110 8.4
"""

from __future__ import annotations

import zlib

_GZIP, _ZLIB, _DEFLATE = 31, 15, -15  # how zlib calls the formats
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_MEMBERS = 256  # of gzip, which may come in several. Source: RFC 1952 2.2


class NotUnpacked(Exception):
    """A body that is cut short, or packed in another way than it says."""


def unpacked(body: bytes, encoding: bytes, most_bytes: int) -> bytes:
    """A body without its Content-Encoding, as far as that is known.

    A bomb does not go off: of what is longer than `most_bytes`, one byte more than these is returned.

    Raises:
        NotUnpacked: it cannot be, or not to its end.
    """
    encoding = encoding.strip().lower()
    if not body or encoding not in {b"gzip", b"x-gzip", b"deflate"}:
        return body
    # Some send deflate without the frame of zlib, whose first byte would say so. Source: RFC 9110 8.4.1.2
    wbits = _GZIP if encoding != b"deflate" else _ZLIB if body[0] & 0x0F == zlib.DEFLATED else _DEFLATE
    parts, room = [], most_bytes + 1
    for _ in range(_MOST_MEMBERS):
        inflater = zlib.decompressobj(wbits)
        try:
            parts.append(inflater.decompress(body, room))
        except zlib.error as error:
            raise NotUnpacked(str(error)) from error
        room -= len(parts[-1])
        body = inflater.unused_data
        if not room or (inflater.eof and not body.startswith(_GZIP_MAGIC)):
            return b"".join(parts)
        if not inflater.eof:
            raise NotUnpacked("its compressed body has no end")
    raise NotUnpacked("its compressed body has too many members")

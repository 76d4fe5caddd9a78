"""The file server beside the ACS: images to download, logs to upload, streamed through the disk both ways."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from proxier.demo.acs_auth import BasicGuard, Guard, OpenGuard

FILES = "/files/"
UPLOADS = "/uploads/"
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody has put here whole; `path` holds it until the ACS closes."""

    name: str
    size_bytes: int
    sha256: str
    path: Path


class FileServer:
    """Serves what was put into it and takes what is uploaded."""

    def __init__(self, uploaded: Callable[[Upload], None]) -> None:
        self.login: tuple[str, str] | None = None
        """The username and password that Basic authentication asks for; None: it does not ask."""
        self.largest_upload_bytes = 1 << 30
        """What is larger is refused with 413."""
        self._uploaded = uploaded
        self._folder = tempfile.TemporaryDirectory(prefix="acs-")
        self._offered: dict[str, Path] = {}
        self._numbers = 0

    def offer(self, name: str, content: bytes | Path) -> None:
        """Serve a file; a path is served from where it lies."""
        if isinstance(content, bytes):
            path = self._new_path()
            path.write_bytes(content)
            content = path
        self._offered[name] = content

    def close(self) -> None:
        """Remove everything that was put here."""
        self._folder.cleanup()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Serve a file."""
        challenge = self._challenge(request)
        if challenge:
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        path = self._offered.get(request.match_info["name"])
        return web.FileResponse(path, chunk_size=_CHUNK_BYTES) if path else web.Response(status=404)

    async def put(self, request: web.Request) -> web.StreamResponse:
        """Take an upload, piece by piece."""
        challenge = self._challenge(request)
        if challenge:
            # Who is hung up on in the middle of an upload never reads why.
            async for _ in request.content.iter_chunked(_CHUNK_BYTES):
                pass
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        path, digest, size = self._new_path(), hashlib.sha256(), 0
        with path.open("wb") as file:
            async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
                size += len(chunk)
                if size > self.largest_upload_bytes:
                    path.unlink()
                    return web.Response(status=413)
                digest.update(chunk)
                file.write(chunk)
        self._uploaded(Upload(request.match_info["name"], size, digest.hexdigest(), path))
        return web.Response(status=201)

    def _challenge(self, request: web.Request) -> str | None:
        guard: Guard = OpenGuard() if self.login is None else BasicGuard(dict([self.login]), realm="files")
        return guard.challenge(request)

    def _new_path(self) -> Path:
        self._numbers += 1
        return Path(self._folder.name) / str(self._numbers)

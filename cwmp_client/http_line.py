"""A line to an HTTP server: a connection that is made when it is needed, and kept as long as it can be.

Pools, cookies, redirects and hooks of a general client cost three times what a request does, and neither a
CWMP session nor an action call has a use for them.

Source: RFC 9112
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import Final

from yarl import URL

from cwmp_client.http_connection import (
    Disconnected,
    HttpConnection,
    LineFailure,
    NotConnected,
    Reply,
    TooLong,
    TooSlow,
)

__all__ = ["Disconnected", "HttpLine", "LineFailure", "NotConnected", "Reply", "TooLong", "TooSlow"]

NEXT_ADDRESS_SECONDS: Final = 0.25
"""The head start of one address of a name before the next one. Source: RFC 8305 8"""


class HttpLine:
    """A connection that is made when it is needed, and kept as long as the other side keeps it.

    Whoever uses it waits for one answer before the next request. A failure ends the connection, and the next
    request makes another one.

    Args:
        step_seconds: to connect, to wait for an answer, to wait for more of it.
        total_seconds: all of that together.
    """

    def __init__(self, step_seconds: float, total_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._total_seconds = total_seconds
        self._connection: HttpConnection | None = None
        self._server: tuple[str, str | None, int | None] = ("", None, None)
        self._asked: tuple[str, URL] | None = None
        self._start = ""
        self._is_given_up = False

    def is_open_to(self, url: URL) -> bool:
        """Whether there is a connection that can carry a request to this URL."""
        return self._connection is not None and self._connection.is_open and self._server == _server_of(url)

    async def request(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        most_bytes: int,
        tls: ssl.SSLContext | None = None,
    ) -> Reply:
        """Send a request and read the answer, whatever its status; redirects are not followed.

        Args:
            method: in upper case.
            url: http, or https with `tls`.
            headers: beside Host, Accept and Content-Length.
            body: sent as it is.
            most_bytes: of the answer's body, unpacked; with 0 the answer ends with its headers.
            tls: how the other side has to prove itself.

        Raises:
            LineFailure: there is no answer, or one that is too slow, too long, or not HTTP.
        """
        head = self._head(method, url, headers, len(body))
        due = asyncio.get_running_loop().time() + self._total_seconds
        if self._connection is None or not self.is_open_to(url):
            await self.close()
            self._is_given_up = False
            self._connection = await self._connect(url, tls)
            self._server = _server_of(url)
            if self._is_given_up:
                await self.close()
                raise NotConnected(f"the connection to {url.host}:{url.port} was given up")
        return await self._connection.exchange(head, body, most_bytes, due)

    def cut(self) -> None:
        """Let the connection end soon, if there is one."""
        if self._connection is not None:
            self._connection.close()

    async def close(self) -> None:
        """Close the connection, if there is one or one is being made."""
        self._is_given_up = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            await connection.ended.wait()

    def _head(self, method: str, url: URL, headers: Mapping[str, str], length: int) -> bytes:
        if self._asked is None or self._asked[1] is not url or self._asked[0] != method:
            self._asked = method, url
            start = (
                f"{method} {url.raw_path_qs} HTTP/1.1",
                f"Host: {url.host_port_subcomponent}",
                "Accept: */*",
            )
            self._start = "\r\n".join(start) + "\r\n"
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if lines.count("\r") + lines.count("\n") != 2 * len(headers) or "\0" in lines:
            raise NotConnected("a header cannot hold the end of a line")
        end = f"Content-Length: {length}\r\n\r\n" if length or method != "GET" else "\r\n"
        return f"{self._start}{lines}{end}".encode("utf-8", "surrogateescape")

    async def _connect(self, url: URL, tls: ssl.SSLContext | None) -> HttpConnection:
        where, host = f"{url.host}:{url.port}", url.raw_host or ""
        is_address = ":" in host or host.replace(".", "").isdigit()
        seconds = min(self._step_seconds, self._total_seconds)
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: HttpConnection(where, self._step_seconds),
                    host,
                    url.port or 0,
                    ssl=tls,
                    happy_eyeballs_delay=None if is_address else NEXT_ADDRESS_SECONDS,
                )
        except TimeoutError:
            raise NotConnected(f"no connection to {where} within {seconds:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise NotConnected(f"the certificate of {where} is refused: {error}") from error
        except ssl.SSLError as error:
            raise NotConnected(f"no TLS with {where}: {error}") from error
        except socket.gaierror as error:
            raise NotConnected(f"the name of {where} cannot be resolved: {error}") from error
        except (OSError, ValueError) as error:
            raise NotConnected(
                f"no connection to {where}: {str(error) or 'it was closed at once'}"
            ) from error
        return connection


def _server_of(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.raw_host, url.port

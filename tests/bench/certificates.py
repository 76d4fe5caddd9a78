"""Certificates for an ACS on loopback and for those who come to it, made anew each time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import trustme


class Certificates(NamedTuple):
    """PEM files; those of server and client hold the key too."""

    ca: str
    server: str
    client: str


@contextmanager
def certificates() -> Iterator[Certificates]:
    with tempfile.TemporaryDirectory(prefix="proxier-bench-") as folder:
        files = Certificates(*(str(Path(folder) / f"{name}.pem") for name in Certificates._fields))
        ca = trustme.CA()
        ca.cert_pem.write_to_path(files.ca)
        ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(files.server)
        ca.issue_cert("client@example.com").private_key_and_cert_chain_pem.write_to_path(files.client)
        yield files

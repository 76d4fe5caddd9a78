"""Small data models and device types, written as the Broadband Forum writes them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest

from translation.data_model import DataModel
from translation.data_model_documents import parse
from translation.data_model_reader import read

DM = "urn:broadband-forum-org:cwmp:datamodel-1-8"
DT = "urn:broadband-forum-org:cwmp:devicetype-1-4"
DMR = "urn:broadband-forum-org:cwmp:datamodel-report-1-0"

TR_181 = Path(__file__).parents[3] / "shared" / "bbf" / "tr-181-2-17-0-cwmp-full.xml.gz"


def data_model_document(content: str, spec: str = "urn:example:model-1-0") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a data model -->\n'
        f'<dm:document xmlns:dm="{DM}" xmlns:dmr="{DMR}" spec="{spec}" file="m.xml">{content}</dm:document>'
    ).encode()


def model(content: str, name: str = "Device:2.5") -> bytes:
    """A document with one model; `content` stands in its root object."""
    return data_model_document(
        f'<model name="{name}"><object name="Device." access="readOnly">{content}</object></model>'
    )


def device_type_document(content: str, uuid: str = "6f9f8a0c-5d2f-5d8a-a2f4-2a7c1f1f8d11") -> bytes:
    return (
        f'<dt:document xmlns:dt="{DT}" deviceType="urn:example:gadget-1" uuid="{uuid}">'
        f"<annotation>A gadget</annotation>{content}</dt:document>"
    ).encode()


def read_document(document: bytes, others: Mapping[str, bytes] | None = None) -> DataModel:
    return read(parse(document), {name: parse(other) for name, other in (others or {}).items()})


def whole_tr_181() -> bytes:
    """The Broadband Forum's own TR-181, where it is at hand."""
    if not TR_181.is_file():
        pytest.skip("TR-181 2.17 is not at hand")
    return gzip.decompress(TR_181.read_bytes())

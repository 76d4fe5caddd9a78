from __future__ import annotations

import gzip
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxier.data_models import DataModelError, DataModels
from proxier.settings import DataModelSettings
from proxier.store import Store
from tests.translation.data_models import (
    TR_181,
    data_model_document,
    device_type_document,
    model,
)
from translation import data_model
from translation.data_model import ParameterDefinition

LAMP = model('<parameter name="Lamp"/>', "Device:2.1")
METER = model('<parameter name="Meter"/>', "Device:2.2")
GADGET = device_type_document(
    """
    <import file="https://models.example/some/where/base.xml?x=1"><model name="Device:2.1"/></import>
    <model ref="Device:2.1"><object ref="Device." access="readOnly" minEntries="1" maxEntries="1">
      <parameter ref="Word" access="readWrite"/></object></model>
    """
)
BASE = data_model_document(
    """
    <import file="types.xml"><dataType name="Word"/></import>
    <model name="Device:2.1"><object name="Device."><parameter name="Word">
      <syntax><dataType ref="Word"/></syntax></parameter></object></model>
    """
)
TYPES = data_model_document(
    '<import file="base.xml"/><dataType name="Word"><string><size maxLength="8"/></string></dataType>'
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{tmp_path / 'proxier.db'}") as store:
        yield store


def written(folder: Path, name: str, content: bytes, **patterns: Any) -> DataModelSettings:
    (folder / name).write_bytes(content)
    return DataModelSettings(file=str(folder / name), **patterns)


def word(models: DataModels) -> ParameterDefinition | None:
    found = models.of("", "", "")
    assert found
    return found.parameter("Device.Word")


def times_read(caplog: pytest.LogCaptureFixture) -> int:
    return sum(", read in " in message for message in caplog.messages)


async def test_a_device_gets_what_fits_its_kind(tmp_path: Path, store: Store) -> None:
    models = await DataModels.load(
        [
            written(
                tmp_path, "lamp.xml", LAMP, oui="00D09E", product_class="L*", url="http://models.example/"
            ),
            written(tmp_path, "meter.xml", METER, model="M? 1"),
            written(tmp_path, "lamp.xml", LAMP, oui="AAAAAA"),
        ],
        store,
    )
    lamp = models.of("00d09e", "Lamp", "x")
    assert lamp
    assert [(source.name, source.url) for source in lamp.sources] == [
        ("Device:2.1", "http://models.example/")
    ]
    assert models.of("00D09E", "lantern", "y") is lamp
    both = models.of("00D09E", "Lamp", "my 1")
    assert both
    assert [source.name for source in both.sources] == ["Device:2.1", "Device:2.2"]
    assert both.parameter("Device.Lamp")
    assert both.parameter("Device.Meter")
    other = models.of("AAAAAA", "", "")
    assert other
    assert other.objects is lamp.objects
    assert models.of("00D09E", "Clock", "MX 2") is None


async def test_nothing_is_known_of_no_data_model(store: Store) -> None:
    assert (await DataModels.load([], store)).of("00D09E", "Lamp", "") is None


async def test_what_was_read_once_is_not_read_again(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = [written(tmp_path, "lamp.xml.gz", gzip.compress(LAMP))]
    first = (await DataModels.load(settings, store)).of("", "", "")
    again = (await DataModels.load(settings, store)).of("", "", "")
    assert first
    assert again
    assert (again.sources, again.objects) == (first.sources, first.objects)
    assert times_read(caplog) == 1
    settings = [written(tmp_path, "lamp.xml.gz", METER)]
    changed = (await DataModels.load(settings, store)).of("", "", "")
    assert changed
    assert changed.parameter("Device.Meter")
    assert times_read(caplog) == 2


async def test_another_version_of_this_program_reads_again(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    settings = [written(tmp_path, "lamp.xml", LAMP)]
    await DataModels.load(settings, store)
    monkeypatch.setattr(data_model, "FORMAT", data_model.FORMAT + 1)
    await DataModels.load(settings, store)
    await DataModels.load(settings, store)
    assert times_read(caplog) == 2


async def test_imports_are_looked_for_beside_the_file_and_nowhere_else(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "base.xml.gz").write_bytes(gzip.compress(BASE))
    settings = [written(tmp_path, "gadget.xml", GADGET)]
    lone = word(await DataModels.load(settings, store))
    assert lone == ParameterDefinition(writable=True)
    assert "imports types.xml, which is not beside it" in caplog.text
    (tmp_path / "types.xml").write_bytes(TYPES)
    whole = word(await DataModels.load(settings, store))
    assert whole
    assert whole.refusal("nine chars")
    assert whole.writable
    assert word(await DataModels.load(settings, store)) == whole
    assert times_read(caplog) == 2
    (tmp_path / "types.xml").write_bytes(TYPES.replace(b'"8"', b'"16"'))
    wider = word(await DataModels.load(settings, store))
    assert wider
    assert not wider.refusal("nine chars")


@pytest.mark.parametrize(
    "file", ["../outside.xml", "/etc/hostname", "..", ".", "", "http://[", "file:///etc/hosts"]
)
async def test_an_import_leads_nowhere_else(tmp_path: Path, store: Store, file: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "outside.xml").write_bytes(b"no data model")
    document = data_model_document(
        f'<import file="{file}"><model name="M"/></import><model name="Device:2.0"/>'
    )
    models = await DataModels.load([written(folder, "m.xml", document)], store)
    assert models.of("", "", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no XML", "is no XML: "),
        (LAMP.replace(b"broadband-forum", b"narrowband"), "is no data model or device type"),
        (data_model_document(""), "defines no model"),
    ],
)
async def test_a_file_that_is_no_data_model_is_named(
    tmp_path: Path, store: Store, content: bytes, words: str
) -> None:
    with pytest.raises(DataModelError) as caught:
        await DataModels.load([written(tmp_path, "x.xml", content)], store)
    assert str(caught.value).startswith(f"{tmp_path / 'x.xml'} {words}")


async def test_a_file_that_is_gone_or_too_large_is_named(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = written(tmp_path, "x.xml", LAMP)
    monkeypatch.setattr("proxier.data_models.MAX_DOCUMENT_SIZE", len(LAMP) - 1)
    with pytest.raises(DataModelError, match=r"x\.xml is larger than any data model"):
        await DataModels.load([settings], store)
    (tmp_path / "x.xml").unlink()
    with pytest.raises(DataModelError, match=r"x\.xml cannot be read: No such file"):
        await DataModels.load([settings], store)


@pytest.mark.skipif(not TR_181.is_file(), reason="TR-181 2.17 is not at hand")
async def test_the_whole_of_tr_181_takes_no_time_after_the_first(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = [DataModelSettings(file=str(TR_181))]
    await DataModels.load(settings, store)
    started = time.monotonic()
    models = await DataModels.load(settings, store)
    assert time.monotonic() - started < 1
    assert times_read(caplog) == 1
    found = models.of("", "", "")
    assert found
    assert found.root_version == "2.17"

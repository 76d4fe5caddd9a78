"""The data models of the configuration: read once and kept in the database, found for a device by its kind.

What is kept is compact, and good as long as no octet of a file, or of one that it imports, has changed.
"""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import logging
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from proxier.errors import ProxierError
from proxier.settings import DataModelSettings
from proxier.store import Store
from translation.data_model import DataModel
from translation.data_model_documents import MAX_DOCUMENT_SIZE, Document, UnreadableDataModel, parse
from translation.data_model_reader import read

MAX_IMPORTS = 64
"""Documents that one data model may import, those of its imports included."""

logger = logging.getLogger(__name__)


class DataModelError(ProxierError):
    """A data model of the configuration cannot be used; the text names its file."""


class DataModels:
    """The data models, each with the patterns of the devices that it is for."""

    def __init__(self, models: Sequence[tuple[DataModelSettings, DataModel]]) -> None:
        self._models = models
        self._united: dict[tuple[int, ...], DataModel] = {}

    @classmethod
    async def load(cls, settings: Sequence[DataModelSettings], store: Store) -> DataModels:
        """Read the data models of the configuration, from the database where it has them.

        Raises:
            DataModelError: one of the files is no data model, or cannot be read.
        """
        loaded: dict[str, tuple[str, DataModel]] = {}
        for each in settings:
            if each.file not in loaded:
                loaded[each.file] = await _load(Path(each.file), store)
        await store.keep_data_models(file_hash for file_hash, _ in loaded.values())
        return cls([(each, loaded[each.file][1].located_at(each.url)) for each in settings])

    def of(self, oui: str, product_class: str, model: str) -> DataModel | None:
        """What is known of devices of a kind; for equal kinds it is one object. None: nothing."""
        fitting = tuple(
            number
            for number, (patterns, _) in enumerate(self._models)
            if _fits(oui, patterns.oui)
            and _fits(product_class, patterns.product_class)
            and _fits(model, patterns.model)
        )
        if fitting and fitting not in self._united:
            self._united[fitting] = DataModel.united(self._models[number][1] for number in fitting)
        return self._united.get(fitting)


def _fits(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text.lower(), pattern.lower())


async def _load(path: Path, store: Store) -> tuple[str, DataModel]:
    """A data model, and the hash of its file by which it is kept."""
    data = await asyncio.to_thread(_octets, path)
    file_hash = _hash(data)
    kept = await store.data_model(file_hash)
    if kept and await asyncio.to_thread(_imports_are, kept["imports"], path.parent):
        try:
            return file_hash, DataModel.from_record(kept["model"])
        except ValueError as error:
            logger.info("%s is read again: it is kept as %s", path, error)
    started = time.monotonic()
    model, imports = await asyncio.to_thread(_read, path, data)
    await store.save_data_model(file_hash, {"imports": imports, "model": model.to_record()})
    logger.info("%s: %s, read in %.1f s", path, model.sources[0].name, time.monotonic() - started)
    return file_hash, model


def _read(path: Path, data: bytes) -> tuple[DataModel, Mapping[str, str | None]]:
    """What a file says with all that it imports, and the hashes of the imported files by their names."""
    hashes: dict[str, str | None] = {}
    imported: dict[str, Document] = {}
    try:
        main = parse(data)
        waiting = [each.file for each in main.imports]
        for file in waiting:  # which grows
            name = _name(file)
            if name in hashes or len(hashes) >= MAX_IMPORTS:
                continue
            other = _beside(path.parent, name)
            hashes[name] = None if other is None else _hash(other)
            if other is None:
                logger.warning("%s imports %s, which is not beside it", path, name)
                continue
            imported[name] = parse(other)
            waiting += [each.file for each in imported[name].imports]
        by_file = {file: imported[_name(file)] for file in waiting if _name(file) in imported}
        return read(main, by_file), hashes
    except UnreadableDataModel as error:
        raise DataModelError(f"{path} {error}") from error


def _imports_are(hashes: Mapping[str, Any], folder: Path) -> bool:
    """Whether imported files are still what they were."""
    for name, known in hashes.items():
        data = _beside(folder, name)
        if (None if data is None else _hash(data)) != known:
            return False
    return True


def _name(file: str) -> str:
    """The name of a file that may be said to be anywhere: it is looked for in one folder only."""
    return re.split("[?#]", file, maxsplit=1)[0].rpartition("/")[2]


def _beside(folder: Path, name: str) -> bytes | None:
    """An imported file, packed with gzip or not."""
    for each in (folder / name, folder / f"{name}.gz"):
        if name and each.is_file():
            return _octets(each)
    return None


def _octets(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_DOCUMENT_SIZE:
            raise DataModelError(f"{path} is larger than any data model")
        return path.read_bytes()
    except OSError as error:
        raise DataModelError(f"{path} cannot be read: {error.strerror}") from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

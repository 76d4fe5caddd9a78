"""The table DeviceInfo.SupportedDataModel, which tells an ACS by which data models a device is to be read.

Its rows are the data models of the configuration, else those that the device says to have; without either
there is still the one by which this program answers for it.

Source: TR-330 4.3, TR-181 DeviceInfo.SupportedDataModel.{i}.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cwmp_client.datatypes import UNSIGNED_INT, Syntax
from cwmp_client.local_parameters import LocalParameter
from translation.data_model import DataModel, ModelSource
from translation.paths import SubTree

TABLE = "Device.DeviceInfo.SupportedDataModel."
NUMBER_OF_ENTRIES = "Device.DeviceInfo.SupportedDataModelNumberOfEntries"

OF_THIS_PROGRAM = ModelSource("Device:2.17", "urn:broadband-forum-org:tr-181-2-17-0-cwmp")
"""The model whose rules the parameters follow that this program adds."""

MAX_ROWS = 64
"""Of what a device says; a limit of ours."""

_URL = Syntax(max_length=2048)
_URN = Syntax(max_length=256)


@lru_cache(maxsize=32)
def supported_data_models(
    data_model: DataModel | None, subtrees: tuple[SubTree, ...] = ()
) -> Mapping[str, LocalParameter]:
    """The rows, and their number; the same objects for all devices of a kind.

    Args:
        data_model: what the configuration gives for the device.
        subtrees: what the device says to have; several places of one data model are one row.
    """
    if data_model:
        sources = data_model.sources
    else:
        urls: dict[str, str] = {}
        for each in subtrees:
            urls[each.uri] = urls.get(each.uri) or each.url
        sources = tuple(ModelSource("", uri, url=url) for uri, url in urls.items() if uri)[:MAX_ROWS]
    rows = {
        f"{TABLE}{number}.{name}": parameter
        for number, source in enumerate(sources or (OF_THIS_PROGRAM,), 1)
        for name, parameter in _row(source).items()
    }
    count = str(len(sources) or 1)
    return {NUMBER_OF_ENTRIES: LocalParameter(count, UNSIGNED_INT), **rows}


def _row(source: ModelSource) -> Mapping[str, LocalParameter]:
    return {
        "URL": LocalParameter(source.url[: _URL.max_length], _URL),
        "UUID": LocalParameter(source.uuid[:36], Syntax(max_length=36)),
        "URN": LocalParameter(source.urn[: _URN.max_length], _URN),
        "Features": LocalParameter(",".join(source.features)),
    }

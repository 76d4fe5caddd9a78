"""Fixtures of the tests that need an ACS."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cwmp_client.acs_double import AcsDouble, running_acs
from tests.cwmp_client.cpe import (
    Cpe,
)
from tests.cwmp_client.parameter_house import House


@pytest.fixture
async def acs() -> AsyncIterator[AcsDouble]:
    async with running_acs() as acs:
        yield acs


@pytest.fixture
async def new_cpe(acs: AcsDouble) -> AsyncIterator[Cpe]:
    cpe = Cpe(acs)
    yield cpe
    await cpe.client.close()


@pytest.fixture
def cpe(new_cpe: Cpe) -> Cpe:
    new_cpe.bootstrapped()
    return new_cpe


@pytest.fixture
def house() -> House:
    return House()

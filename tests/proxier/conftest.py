from collections.abc import AsyncIterator

import pytest

from proxier.demo.acs import EmbeddedAcs


@pytest.fixture
async def acs() -> AsyncIterator[EmbeddedAcs]:
    """An embedded ACS that must have had nothing to object to."""
    async with EmbeddedAcs() as server:
        yield server
        assert server.violations == []

"""POSTs of one session with an ACS, and how they fail."""

from __future__ import annotations

import pytest

from cwmp_client.acs import AcsClient, AcsSettings, AcsTarget, SessionFailed

ENVELOPE = b"<soap:Envelope/>"


async def post(settings: AcsSettings, target: AcsTarget, *bodies: bytes) -> list[bytes]:
    client = AcsClient(settings)
    try:
        async with client.session(target) as session:
            return [await session.post(body) for body in bodies]
    finally:
        await client.close()


async def failure(settings: AcsSettings, target: AcsTarget) -> SessionFailed:
    with pytest.raises(SessionFailed) as failed:
        await post(settings, target, ENVELOPE, b"")
    assert "\n" not in str(failed.value)
    return failed.value

"""How a device proves to the ACS who it is, and the ACS to the device, from one end to the other."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme
from msgspec.structs import replace

from cwmp_client.messages import (
    EventCode,
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterValueStruct,
    SetParameterValues,
)
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings
from tests.proxier.running import LOOPBACK, reports_when, settings_for

USERNAME, PASSWORD = "the operator's devices", 'p"ss: wörd'
LOGIN: Mapping[str, Any] = {"username": USERNAME, "password": PASSWORD}
DEVICE_ID = "00005E-SimulatedDevice-secure"
HTTP, HTTPS, MUTUAL = "http", "https", "https with a client certificate"


class Authority:
    """A private CA, with what it issues, as contexts for an ACS and as files for the configuration."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder

    def server(self, name: str = LOOPBACK, *, asks_for_certificate: bool = False) -> ssl.SSLContext:
        """For an ACS of this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(name).configure_cert(context)
        if asks_for_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            self._authority.configure_trust(context)
        return context

    def ca_file(self) -> dict[str, str]:
        """Settings by which what it issues is believed."""
        path = self._folder / "ca.pem"
        self._authority.cert_pem.write_to_path(path)
        return {"ca_file": str(path)}

    def client_certificate(self) -> dict[str, str]:
        """Settings with a certificate and its key."""
        issued = self._authority.issue_cert("proxier.example")
        certificate, key = self._folder / "client.pem", self._folder / "client.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return {"client_certificate": str(certificate), "client_key": str(key)}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def managed(acs: EmbeddedAcs, folder: Path, **acs_settings: Any) -> AsyncIterator[Settings]:
    """A device, and a proxier that has these settings for its ACS."""
    async with SimulatedDevice(serial="secure", advertise=False) as device:
        settings = settings_for(acs.url, folder, [device], locations=(device.location,), interfaces=())
        settings = replace(settings, acs=replace(settings.acs, **acs_settings))
        async with running(settings):
            yield settings


async def use(acs: EmbeddedAcs, *values: ParameterValueStruct) -> None:
    """Hold the first session if it is still to come, and a second one with requests in it."""
    device = await acs.device(DEVICE_ID, timeout=10)
    assert device.informs[0].events == (EventCode.BOOTSTRAP, EventCode.BOOT)
    await device.session_over()
    response = await device.request(GetParameterValues(("Device.Time.NTPServer1",)))
    assert isinstance(response, GetParameterValuesResponse)
    assert [value.value for value in response.parameter_list] == ["ntp.example"]
    if values:
        await device.request(SetParameterValues(values))
    await device.session_over()


@pytest.mark.parametrize("way", [HTTP, HTTPS, MUTUAL])
@pytest.mark.parametrize("login", ["none", "basic", "digest MD5", "digest MD5-sess", "digest SHA-256"])
async def test_every_way_in(login: str, way: str, authority: Authority, tmp_path: Path) -> None:
    auth, _, algorithm = login.partition(" ")
    of_acs: dict[str, Any] = {"auth": auth}
    of_proxier: dict[str, Any] = {"allow_basic_without_tls": way == HTTP}
    if auth != "none":
        of_acs |= LOGIN
        of_proxier |= LOGIN
    if algorithm:
        of_acs["digest_algorithm"] = algorithm
    if way != HTTP:
        of_acs["tls"] = authority.server(asks_for_certificate=way == MUTUAL)
        of_proxier |= authority.ca_file()
    if way == MUTUAL:
        of_proxier |= authority.client_certificate()
    async with EmbeddedAcs(**of_acs) as acs, managed(acs, tmp_path, **of_proxier):
        await use(acs)
        assert acs.violations == []
        challenged = any(exchange.name == "401" for exchange in acs.transcript)
        assert challenged is (auth != "none")


async def test_the_acs_gives_a_device_a_login_of_its_own(tmp_path: Path) -> None:
    async with EmbeddedAcs(auth="digest", **LOGIN) as acs, managed(acs, tmp_path, **LOGIN):
        acs.passwords["its own"] = "secret"
        await use(
            acs,
            ParameterValueStruct("Device.ManagementServer.Username", "its own"),
            ParameterValueStruct("Device.ManagementServer.Password", "secret"),
        )
        del acs.passwords[USERNAME]
        await use(acs)
        assert acs.violations == []


async def failure(
    acs: EmbeddedAcs, folder: Path, caplog: pytest.LogCaptureFixture, **acs_settings: Any
) -> str:
    """Why the first session fails: the log has one line of it, which names the device and the cause."""
    async with managed(acs, folder, retry_minimum_wait=60, **acs_settings) as settings:
        [report] = await reports_when(settings, lambda found: any(r["last_session_outcome"] for r in found))
        assert report["pending_events"] == [EventCode.BOOTSTRAP, EventCode.BOOT]
    assert (acs.informs, acs.violations) == ([], [])
    [line] = [
        record
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith("cwmp_client.")
    ]
    assert line.exc_info is None
    reason = str(report["last_session_outcome"])
    begins = f"{DEVICE_ID}: session with 0 BOOTSTRAP, 1 BOOT failed: {reason}; retry 1 in "
    assert line.getMessage().startswith(begins)
    return reason


async def test_an_acs_of_another_authority_is_refused(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Authority(tmp_path)
    async with EmbeddedAcs(tls=other.server()) as acs:
        reason = await failure(acs, tmp_path, caplog, **authority.ca_file())
        assert reason.startswith(f"the certificate of {acs.url[8:-1]} is refused: ")
        assert "unable to get local issuer certificate" in reason


async def test_an_acs_of_no_authority_that_the_system_knows_is_refused(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with EmbeddedAcs(tls=authority.server()) as acs:
        reason = await failure(acs, tmp_path, caplog)
        assert reason.startswith(f"the certificate of {acs.url[8:-1]} is refused: ")


async def test_a_certificate_for_another_name_is_refused(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with EmbeddedAcs(tls=authority.server("acs.example")) as acs:
        reason = await failure(acs, tmp_path, caplog, **authority.ca_file())
        assert reason.startswith(f"the certificate of {acs.url[8:-1]} is refused: ")
        assert f"not valid for '{LOOPBACK}'" in reason


async def test_an_acs_that_wants_a_certificate_gets_none(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with EmbeddedAcs(tls=authority.server(asks_for_certificate=True)) as acs:
        reason = await failure(acs, tmp_path, caplog, **authority.ca_file())
        # It depends on what of the server's refusal arrives before the end of the connection.
        where = acs.url[8:-1]
        assert reason.startswith((f"the connection to {where} broke: ", f"{where} closed the connection"))


@pytest.mark.parametrize(
    ("acs_settings", "reason"),
    [
        ({}, "the ACS asks for credentials, and Username is empty"),
        ({"username": USERNAME, "password": "wrong"}, "the ACS refuses Username and Password"),
    ],
)
@pytest.mark.parametrize("auth", ["basic", "digest"])
async def test_a_login_that_is_wrong_or_missing(
    auth: Literal["basic", "digest"],
    acs_settings: dict[str, str],
    reason: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with EmbeddedAcs(auth=auth, **LOGIN) as acs:
        assert await failure(acs, tmp_path, caplog, allow_basic_without_tls=True, **acs_settings) == reason


async def test_a_password_is_not_sent_in_clear_unless_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with EmbeddedAcs(auth="basic", **LOGIN) as acs:
        reason = await failure(acs, tmp_path, caplog, **LOGIN)
    assert reason == "the ACS asks for the password itself, which is not allowed without TLS"


async def test_a_file_that_is_no_certificate(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    async with EmbeddedAcs(tls=authority.server()) as acs:
        reason = await failure(acs, tmp_path, caplog, ca_file=str(nonsense))
    assert reason.startswith("TLS cannot be set up: ")

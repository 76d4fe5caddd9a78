from __future__ import annotations

import time

import pytest

from cwmp_client.messages import Download, GetParameterValuesResponse, ParameterValueStruct
from cwmp_client.soap import NAMESPACES, Header, encode
from proxier.masking import masked

SECRET = "hush-hush"


def values(*rows: tuple[str, str]) -> bytes:
    answer = GetParameterValuesResponse(tuple(ParameterValueStruct(name, value) for name, value in rows))
    return encode(answer, namespace=NAMESPACES["1.4"], header=Header(id="1"))


@pytest.mark.parametrize(
    "name",
    [
        "Device.ManagementServer.Password",
        "Device.ManagementServer.ConnectionRequestPassword",
        "Device.ManagementServer.STUNPassword",
        "Device.WiFi.AccessPoint.1.Security.KeyPassphrase",
        "Device.WiFi.AccessPoint.1.Security.PreSharedKey",
        "Device.WiFi.AccessPoint.1.Security.WEPKey",
        "Device.WiFi.AccessPoint.1.Security.RadiusSecret",
        "Device.WiFi.AccessPoint.1.Security.SAEPassphrase",
        "Device.Services.VoiceService.1.VoiceProfile.1.Line.1.SIP.AuthPassword",
        "Device.X_UPNP-ORG_DM.Vendor.AdminPIN",
        "Device.X_EXAMPLE_Token",
        "Device.X_EXAMPLE_AdminPwd",
        "Device.X_EXAMPLE_Passkey",
        "Device.X_EXAMPLE_SecretKey",
        "Device.UPA.Interface.1.EncryptionKey",
        "Device.Routing.Babel.MACKeySet.1.MACKey.1.KeyValue",
        "Device.USPAgent.ControllerTrust.Challenge.1.Value",
    ],
)
def test_the_values_of_secret_parameters_are_masked_and_no_others(name: str) -> None:
    shown = masked(values((name, SECRET), ("Device.ManagementServer.ParameterKey", "shown-key")))
    assert SECRET not in shown
    assert name in shown
    assert "********" in shown
    assert "shown-key" in shown


def test_the_password_of_a_download_and_of_a_url_is_masked() -> None:
    request = Download("key", "1 Firmware Upgrade Image", f"http://me:{SECRET}@files/", "user", SECRET)
    shown = masked(encode(request, namespace=NAMESPACES["1.4"], header=Header(id="1")))
    assert SECRET not in shown
    assert "http://********@files/" in shown
    assert "user" in shown


ODD = {
    "character references": "<p><Name>Device.Pass&#119;ord</Name><Value>{}</Value></p>",
    "CDATA": "<p><Name><![CDATA[Device.Password]]></Name><Value><![CDATA[{}]]></Value></p>",
    "a comment in the name": "<p><Name>Device.Pass<!-- x -->word</Name><Value>{}</Value></p>",
    "the value first": "<p><Value>{}</Value><Name>Device.Password</Name></p>",
    "a namespace": '<x:p xmlns:x="y"><x:Name>Device.Password</x:Name><x:Value>{}</x:Value></x:p>',
    "blanks": "<p><Name> Device.Password\n</Name><Value> {} </Value></p>",
    "elements in the value": "<p><Name>Device.Password</Name><Value>a<b/>{}</Value></p>",
    "an element within a password": "<p><Password><c>{}</c>x</Password></p>",
    "no end": "<p><Name>Device.Password</Name><Value>{}",
    "a wrong end": "<p><Name>Device.Password</Nme><Value>{}</Value></p>",
    "text beside": "<p><Name>Device.Password</Name><Value/>{}</p",
    "a start that is none": "<p>< Password>{}</Password></p>",
    "a wrong start": "<p><Foo>{}</Password></p>",
    "a name that is cut": "<p><Passwor>{}</Passwor></p></q>",
    "a name that is broken": "<p><Name>Device.Password< Value>{}</Value></Name></p>",
    "a URL that is cut": "<p><URL>http://me:{}",
    "a URL with a sign too many": "<p><URL>http://me:pass@{}@files/</URL></p>",
    "quotes that are missing": '<p x="><Password>{}</Password><q y="></p>',
    "an unknown entity": "<p><Name>Device.Password</Name>&x;<Value>{}</Value></p>",
    "an entity": '<!DOCTYPE p [<!ENTITY e "{}">]><p><Name>Device.Password</Name><Value>&e;</Value></p>',
}


@pytest.mark.parametrize("envelope", ODD.values(), ids=ODD)
def test_no_way_of_writing_it_shows_a_secret(envelope: str) -> None:
    text = envelope.replace("{}", SECRET)
    assert SECRET not in masked(text.encode())


@pytest.mark.parametrize("length", range(250, 620, 7))
def test_what_was_cut_off_anywhere_shows_no_secret(length: int) -> None:
    envelope = values(("Device.A", "1"), ("Device.ManagementServer.Password", SECRET))
    shown = masked(envelope[:length], whole=length >= len(envelope))
    assert SECRET[:5] not in shown


def test_what_is_no_xml_is_not_shown() -> None:
    assert masked(b"password=hush") == "(no XML)"
    assert masked(b"") == masked(b" \n") == ""


def test_an_envelope_is_shown_indented() -> None:
    assert masked(b"<a><b>1</b></a>") == "<a>\n  <b>1</b>\n</a>"


def test_an_envelope_is_not_made_much_longer_by_showing_it() -> None:
    deep = b"<a>" * 250 + b"<b/>" * 16000 + b"</a>" * 250
    assert len(masked(deep)) < 16 * len(deep)


def test_what_is_nested_in_secrets_and_names_is_looked_at_once() -> None:
    # It took a third of a second, in which nothing else was done; here is ten times what it takes now.
    begun = time.process_time()
    for name in (b"PSK", b"Name"):
        assert masked(b"<%s>" % name * 250 + b"<b/>" * 16000 + b"</%s>" % name * 250)
    assert time.process_time() - begun < 0.6

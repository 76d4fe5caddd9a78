"""Control of the simulated device: SOAP in, an action called, SOAP out. Source: UDA 1.1, 3"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

from lxml import etree

from proxier.demo.device_documents import parse_xml
from proxier.demo.device_errors import UpnpError
from proxier.demo.device_profile import STRAY_BYTES, DeviceProfile, Documents
from proxier.demo.device_scpd import DECLARATION, OfferedService
from proxier.demo.device_services import COMMON_ERRORS, Variable

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CONTROL = "urn:schemas-upnp-org:control-1-0"

Arguments = Mapping[str, str]
Call = Callable[[Arguments], Arguments]

UNSIGNED = {"ui1": 2**8, "ui2": 2**16, "ui4": 2**32}
BOOLEANS = {"0": "0", "no": "0", "false": "0", "1": "1", "yes": "1", "true": "1"}

_SOAP_ACTION = re.compile(r'"(urn:[^"#]+:service:[^":#]+):([12])#([A-Za-z_][A-Za-z0-9_-]*)"')


class BadRequest(Exception):
    """A request that is not even a call of an action; it is answered with this HTTP status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call of an action as it came in: `namespace` is the service type with the version of the caller."""

    namespace: str
    action: str
    arguments: etree._Element


def read_invocation(service: OfferedService, headers: Mapping[str, str], body: bytes) -> Invocation:
    """Reads a request to a service's controlURL.

    Raises:
        BadRequest: it is not a SOAP request.
        UpnpError: 401, it is not meant for this service, or header and body name different actions.
    """
    if not headers.get("CONTENT-TYPE", "").lower().startswith("text/xml"):
        raise BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    soap_action = _SOAP_ACTION.fullmatch(headers.get("SOAPACTION", ""))
    if soap_action is None:
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    service_type, version, action = soap_action.groups()
    try:
        envelope = parse_xml(body)
    except ValueError as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST) from error
    bodies = envelope.findall(f"{{{SOAP}}}Body")
    if envelope.tag != f"{{{SOAP}}}Envelope" or len(bodies) != 1 or len(bodies[0]) != 1:
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    namespace = f"{service_type}:{version}"
    if (
        service_type != service.service_type.rpartition(":")[0]
        or int(version) > service.version
        or bodies[0][0].tag != f"{{{namespace}}}{action}"
    ):
        raise UpnpError(401)
    return Invocation(namespace, action, bodies[0][0])


def read_arguments(service: OfferedService, invocation: Invocation, documents: Documents) -> dict[str, str]:
    """The input arguments, checked: all of them, in the order of the SCPD, each of its type.

    Raises:
        UpnpError: 401 for an action that the service lacks, 402, 600 or 601 for arguments that are wrong.
    """
    action = service.actions.get(invocation.action)
    if action is None:
        raise UpnpError(401)
    if [element.tag for element in invocation.arguments] != [name for name, _ in action.inputs]:
        raise UpnpError(402)
    arguments = {}
    for element, (name, variable) in zip(invocation.arguments, action.inputs, strict=True):
        arguments[name] = _checked(service.variables[variable], _text(element, documents))
    return arguments


def _text(element: etree._Element, documents: Documents) -> str:
    if not len(element):
        return element.text or ""
    if documents is Documents.ESCAPED or len(element) > 1:
        raise UpnpError(402)
    return etree.tostring(element[0], encoding="unicode", with_tail=False)


def _checked(variable: Variable, text: str) -> str:
    if variable.data_type in UNSIGNED:
        if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= UNSIGNED[variable.data_type]:
            raise UpnpError(402)
        if variable.maximum is not None and int(text) > variable.maximum:
            raise UpnpError(601)
        return str(int(text))
    if variable.data_type == "boolean":
        if text not in BOOLEANS:
            raise UpnpError(402)
        return BOOLEANS[text]
    if variable.allowed and text not in variable.allowed:
        raise UpnpError(600)
    return text


def write_answer(
    service: OfferedService, invocation: Invocation, results: Arguments, profile: DeviceProfile
) -> bytes:
    """The answer of an action that went well."""
    action = service.actions[invocation.action]
    arguments = "".join(_argument(name, results[name], profile) for name, _ in action.outputs)
    body = _envelope(
        f'<u:{action.name}Response xmlns:u="{invocation.namespace}">{arguments}</u:{action.name}Response>'
    )
    return body + STRAY_BYTES if profile.untidy else body


def _argument(name: str, value: str, profile: DeviceProfile) -> str:
    if not value.startswith("<"):
        return f"<{name}>{escape(value, quote=False)}</{name}>"
    if profile.untidy:
        value = re.sub(r">([^<]+)</", r">\n  \1\n</", value)
    if profile.documents is Documents.ESCAPED:
        return f"<{name}>{escape(value, quote=False)}</{name}>"
    document = re.sub(r"^<\?xml[^>]*\?>", "", value)
    return document if profile.documents is Documents.BARE else f"<{name}>{document}</{name}>"


def write_fault(service: OfferedService, error: UpnpError) -> bytes:
    """The answer of an action that was refused."""
    words = error.description or service.table.errors.get(error.code) or COMMON_ERRORS.get(error.code, "")
    return _envelope(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>"
        f'<detail><UPnPError xmlns="{CONTROL}"><errorCode>{error.code}</errorCode>'
        f"<errorDescription>{escape(words, quote=False)}</errorDescription></UPnPError></detail></s:Fault>"
    )


def _envelope(content: str) -> bytes:
    return (
        f'{DECLARATION}<s:Envelope xmlns:s="{SOAP}" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">'
        f"<s:Body>{content}</s:Body></s:Envelope>"
    ).encode()

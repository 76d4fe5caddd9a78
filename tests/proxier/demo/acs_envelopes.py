"""Envelopes written by hand, so that the ACS is judged by what no codec has made."""

from __future__ import annotations

CWMP_1_2 = "urn:dslforum-org:cwmp-1-2"

FORCED = {
    "Device.RootDataModelVersion": "2.17",
    "Device.DeviceInfo.HardwareVersion": "A",
    "Device.DeviceInfo.SoftwareVersion": "1.0",
    "Device.DeviceInfo.ProvisioningCode": "",
    "Device.ManagementServer.ParameterKey": "",
    "Device.ManagementServer.ConnectionRequestURL": "http://127.0.0.1:1/none",
    "Device.ManagementServer.AliasBasedAddressing": "0",
}


def envelope(body: str, *, message_id: str | None = "1", namespace: str = CWMP_1_2, header: str = "") -> str:
    if message_id is not None:
        header = f'<cwmp:ID soap:mustUnderstand="1">{message_id}</cwmp:ID>{header}'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xmlns:cwmp="{namespace}">'
        f"<soap:Header>{header}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    )


def values(parameters: dict[str, str], name: str = "ParameterList") -> str:
    members = "".join(
        f"<ParameterValueStruct><Name>{name}</Name>"
        f'<Value xsi:type="xsd:string">{value}</Value></ParameterValueStruct>'
        for name, value in parameters.items()
    )
    return f'<{name} soapenc:arrayType="cwmp:ParameterValueStruct[{len(parameters)}]">{members}</{name}>'


def inform(
    *events: tuple[str, str] | str,
    serial: str = "1",
    parameters: dict[str, str] | None = None,
    retries: int = 0,
) -> str:
    pairs = [
        (event, "") if isinstance(event, str) else event for event in events or ("0 BOOTSTRAP", "1 BOOT")
    ]
    structs = "".join(
        f"<EventStruct><EventCode>{code}</EventCode><CommandKey>{key}</CommandKey></EventStruct>"
        for code, key in pairs
    )
    return (
        "<cwmp:Inform><DeviceId><Manufacturer>Hand</Manufacturer><OUI>00A0B0</OUI>"
        f"<ProductClass>Lamp</ProductClass><SerialNumber>{serial}</SerialNumber></DeviceId>"
        f'<Event soapenc:arrayType="cwmp:EventStruct[{len(pairs)}]">{structs}</Event>'
        "<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-01-02T03:04:05+01:00</CurrentTime>"
        f"<RetryCount>{retries}</RetryCount>{values(FORCED | (parameters or {}))}</cwmp:Inform>"
    )


def transfer_complete(key: str, code: int = 0) -> str:
    return (
        f"<cwmp:TransferComplete><CommandKey>{key}</CommandKey><FaultStruct><FaultCode>{code}</FaultCode>"
        "<FaultString></FaultString></FaultStruct><StartTime>0001-01-01T00:00:00Z</StartTime>"
        "<CompleteTime>0001-01-01T00:00:00Z</CompleteTime></cwmp:TransferComplete>"
    )


def fault(code: int, *, parameters: dict[str, int] | None = None) -> str:
    culprits = "".join(
        f"<SetParameterValuesFault><ParameterName>{name}</ParameterName><FaultCode>{each}</FaultCode>"
        "</SetParameterValuesFault>"
        for name, each in (parameters or {}).items()
    )
    return (
        "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>CWMP fault</faultstring><detail>"
        f"<cwmp:Fault><FaultCode>{code}</FaultCode><FaultString>No</FaultString>{culprits}</cwmp:Fault>"
        "</detail></soap:Fault>"
    )

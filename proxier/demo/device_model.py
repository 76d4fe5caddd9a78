"""What the simulated device's tree holds at first: a small TR-181 device, and the common objects of UPnP DM.

`{base}` in a value is the number of a table's first row: values that are paths name rows by number.

Source: TR-181 Issue 2; CMS Appendix B and C for the places
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxier.demo.device_profile import DeviceProfile
from proxier.demo.device_tree import Leaf, Table, Tree

COMMON = "/UPnP/DM/DeviceInfo/"
IDENTITY = COMMON + "PhysicalDevice/DeviceID/"
BBF = "/BBF/DeviceInfo/"
SOFTWARE = "/UPnP/DM/Software/DU/"

UP_TIMES = (COMMON + "UpTime", COMMON + "OperatingSystem/UpTime", BBF + "UpTime")
CLOCKS = ("/BBF/Time/CurrentLocalTime", "/UPnP/DM/Monitoring/OperatingSystem/CurrentTime")
SOFTWARE_VERSIONS = (COMMON + "SoftwareVersion", BBF + "SoftwareVersion")

READ_ONLY, WRITABLE = False, True

DATA_MODELS = (
    ("urn:broadband-forum-org:tr-181-2-0", "/BBF/"),
    ("urn:schemas-upnp-org:dm:cms:CommonObjects", "/UPnP/DM/"),
)
"""(URI, Location) of each SubTree."""

PARAMETERS: Mapping[str, Leaf] = {
    BBF + "Manufacturer": Leaf(maximum=64),
    BBF + "ManufacturerOUI": Leaf(maximum=6),
    BBF + "ModelName": Leaf(maximum=64),
    BBF + "Description": Leaf(default="A simulated device"),
    BBF + "ProductClass": Leaf(maximum=64),
    BBF + "SerialNumber": Leaf(maximum=64),
    BBF + "HardwareVersion": Leaf(default="A1", maximum=64),
    BBF + "SoftwareVersion": Leaf(maximum=64),
    BBF + "ProvisioningCode": Leaf(writable=WRITABLE, maximum=64),
    BBF + "UpTime": Leaf("unsignedInt"),
    BBF + "FirstUseDate": Leaf("dateTime", default="2024-05-01T10:00:00Z"),
    "/BBF/Time/Enable": Leaf("boolean", WRITABLE, "1"),
    "/BBF/Time/Status": Leaf(default="Synchronized"),
    "/BBF/Time/NTPServer1": Leaf(writable=WRITABLE, default="ntp.example", maximum=64),
    "/BBF/Time/NTPServer2": Leaf(writable=WRITABLE, maximum=64),
    "/BBF/Time/CurrentLocalTime": Leaf("dateTime"),
    "/BBF/Time/LocalTimeZone": Leaf(writable=WRITABLE, default="CET-1CEST,M3.5.0,M10.5.0/3", maximum=256),
    "/BBF/Hosts/HostNumberOfEntries": Leaf("unsignedInt", default="0"),
    "/BBF/Hosts/Host/#/PhysAddress": Leaf(maximum=64),
    "/BBF/Hosts/Host/#/IPAddress": Leaf(maximum=45),
    "/BBF/Hosts/Host/#/HostName": Leaf(maximum=64),
    "/BBF/Hosts/Host/#/Layer3Interface": Leaf(),
    "/BBF/Hosts/Host/#/LeaseTimeRemaining": Leaf("int", default="-1", minimum=-1),
    "/BBF/Hosts/Host/#/Active": Leaf("boolean", default="1"),
    "/BBF/Ethernet/InterfaceNumberOfEntries": Leaf("unsignedInt", default="0"),
    "/BBF/Ethernet/Interface/#/Enable": Leaf("boolean", WRITABLE, "1"),
    "/BBF/Ethernet/Interface/#/Status": Leaf(default="Up"),
    "/BBF/Ethernet/Interface/#/Name": Leaf(),
    "/BBF/Ethernet/Interface/#/MACAddress": Leaf(),
    "/BBF/Ethernet/Interface/#/Stats/BytesSent": Leaf("long", default="4294967296"),
    "/BBF/Ethernet/Interface/#/Stats/BytesReceived": Leaf("long", default="0"),
    "/BBF/IP/InterfaceNumberOfEntries": Leaf("unsignedInt", default="0"),
    "/BBF/IP/Interface/#/Enable": Leaf("boolean", WRITABLE, "1"),
    "/BBF/IP/Interface/#/Name": Leaf(),
    "/BBF/IP/Interface/#/LowerLayers": Leaf(writable=WRITABLE, maximum=1024),
    "/BBF/IP/Interface/#/MaxMTUSize": Leaf("unsignedInt", WRITABLE, "1500", minimum=64, maximum=65535),
    "/BBF/IP/Interface/#/IPv4AddressNumberOfEntries": Leaf("unsignedInt", default="0"),
    "/BBF/IP/Interface/#/IPv4Address/#/IPAddress": Leaf(writable=WRITABLE, maximum=15),
    "/BBF/IP/Interface/#/IPv4Address/#/SubnetMask": Leaf(writable=WRITABLE, maximum=15),
    "/BBF/IP/Interface/#/IPv4Address/#/AddressingType": Leaf(default="Static"),
    "/BBF/NAT/PortMappingNumberOfEntries": Leaf("unsignedInt", default="0"),
    "/BBF/NAT/PortMapping/#/Enable": Leaf("boolean", WRITABLE, "0"),
    "/BBF/NAT/PortMapping/#/Status": Leaf(default="Disabled"),
    "/BBF/NAT/PortMapping/#/Interface": Leaf(writable=WRITABLE),
    "/BBF/NAT/PortMapping/#/LeaseDuration": Leaf("unsignedInt", WRITABLE, "0"),
    "/BBF/NAT/PortMapping/#/ExternalPort": Leaf("unsignedInt", WRITABLE, "0", maximum=65535),
    "/BBF/NAT/PortMapping/#/InternalPort": Leaf("unsignedInt", WRITABLE, "0", maximum=65535),
    "/BBF/NAT/PortMapping/#/Protocol": Leaf(writable=WRITABLE, default="TCP", allowed=("TCP", "UDP")),
    "/BBF/NAT/PortMapping/#/InternalClient": Leaf(writable=WRITABLE, maximum=256),
    "/BBF/NAT/PortMapping/#/Description": Leaf(writable=WRITABLE, maximum=256),
    "/BBF/X_00005E_Samples/Counter": Leaf("int", WRITABLE, "-1", minimum=-100, maximum=100),
    "/BBF/X_00005E_Samples/Big": Leaf("long", WRITABLE, "9223372036854775807"),
    "/BBF/X_00005E_Samples/Date": Leaf("dateTime", WRITABLE, "2024-05-01T10:00:00Z"),
    "/BBF/X_00005E_Samples/Blob": Leaf("base64", WRITABLE, "AAEC/w==", maximum=1024),
    "/BBF/X_00005E_Samples/Key": Leaf("hexBinary", WRITABLE, "00FF10", maximum=64),
    "/BBF/X_00005E_Samples/Text": Leaf(writable=WRITABLE, default='<a & "b">', maximum=256),
    COMMON + "ProvisioningCode": Leaf(writable=WRITABLE, maximum=64),
    COMMON + "SoftwareVersion": Leaf(),
    COMMON + "SoftwareDescription": Leaf(default="Firmware of the simulated device"),
    COMMON + "UpTime": Leaf("unsignedInt"),
    COMMON + "PhysicalDevice/HardwareVersion": Leaf(default="A1"),
    COMMON + "PhysicalDevice/NetworkInterfaceNumberOfEntries": Leaf("unsignedInt", default="0"),
    COMMON + "PhysicalDevice/NetworkInterface/#/SystemName": Leaf(),
    COMMON + "PhysicalDevice/NetworkInterface/#/MACAddress": Leaf(),
    COMMON + "PhysicalDevice/NetworkInterface/#/InterfaceType": Leaf(),
    IDENTITY + "ManufacturerOUI": Leaf("hexBinary"),
    IDENTITY + "ProductClass": Leaf(),
    IDENTITY + "SerialNumber": Leaf(),
    COMMON + "OperatingSystem/SoftwareVersion": Leaf(default="6.1"),
    COMMON + "OperatingSystem/UpTime": Leaf("unsignedInt"),
    COMMON + "OperatingSystem/WillReboot": Leaf("boolean", default="1"),
    COMMON + "OperatingSystem/WillBaselineReset": Leaf("boolean", default="1"),
    "/UPnP/DM/Configuration/Network/HostName": Leaf(writable=WRITABLE, default="simulated", maximum=64),
    "/UPnP/DM/Monitoring/OperatingSystem/CurrentTime": Leaf("dateTime"),
    "/UPnP/DM/Monitoring/OperatingSystem/CPUUsage": Leaf("unsignedInt", default="7"),
    SOFTWARE + "#/Name": Leaf(),
    SOFTWARE + "#/Version": Leaf(),
    SOFTWARE + "#/URI": Leaf(),
    SOFTWARE + "#/Size": Leaf("unsignedInt", default="0"),
}

TABLES: Mapping[str, Table] = {
    "/BBF/Hosts/Host/": Table(maximum_rows=64, count="/BBF/Hosts/HostNumberOfEntries"),
    "/BBF/Ethernet/Interface/": Table(count="/BBF/Ethernet/InterfaceNumberOfEntries"),
    "/BBF/IP/Interface/": Table(count="/BBF/IP/InterfaceNumberOfEntries"),
    "/BBF/IP/Interface/#/IPv4Address/": Table(
        WRITABLE, maximum_rows=4, count="/BBF/IP/Interface/#/IPv4AddressNumberOfEntries"
    ),
    "/BBF/NAT/PortMapping/": Table(WRITABLE, count="/BBF/NAT/PortMappingNumberOfEntries"),
    COMMON + "PhysicalDevice/NetworkInterface/": Table(
        count=COMMON + "PhysicalDevice/NetworkInterfaceNumberOfEntries"
    ),
    SOFTWARE: Table(maximum_rows=64),
}

ROWS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("/BBF/Ethernet/Interface/", {"Name": "eth0", "MACAddress": "00:00:5E:00:53:01"}),
    ("/BBF/IP/Interface/", {"Name": "br0", "LowerLayers": "/BBF/Ethernet/Interface/{base}/"}),
    (
        "/BBF/IP/Interface/{base}/IPv4Address/",
        {"IPAddress": "192.0.2.20", "SubnetMask": "255.255.255.0"},
    ),
    (
        "/BBF/Hosts/Host/",
        {
            "PhysAddress": "00:00:5E:00:53:21",
            "IPAddress": "192.0.2.21",
            "HostName": "printer",
            "Layer3Interface": "/BBF/IP/Interface/{base}/",
        },
    ),
    (
        "/BBF/Hosts/Host/",
        {
            "PhysAddress": "00:00:5E:00:53:22",
            "IPAddress": "192.0.2.22",
            "HostName": "camera",
            "Layer3Interface": "/BBF/IP/Interface/{base}/",
            "LeaseTimeRemaining": "3600",
        },
    ),
    (
        "/BBF/NAT/PortMapping/",
        {
            "Enable": "1",
            "Status": "Enabled",
            "Interface": "/BBF/IP/Interface/{base}/",
            "ExternalPort": "8080",
            "InternalPort": "80",
            "InternalClient": "192.0.2.21",
            "Description": "Web & more",
        },
    ),
    (
        COMMON + "PhysicalDevice/NetworkInterface/",
        {"SystemName": "eth0", "MACAddress": "00:00:5E:00:53:01", "InterfaceType": "Ethernet"},
    ),
)

LOAD = "/BBF/X_00005E_Load/Entry/"
LOAD_PARAMETERS_IN_A_ROW = 10


def factory_tree(profile: DeviceProfile, live: Mapping[str, Callable[[], str]]) -> Tree:
    """The tree of a device as it leaves the factory; `live` gives the parameters that change all the time."""
    parameters, tables = dict(PARAMETERS), dict(TABLES)
    if profile.extra_parameters:
        tables[LOAD] = Table(maximum_rows=profile.extra_parameters)
        for column in range(LOAD_PARAMETERS_IN_A_ROW):
            parameters[f"{LOAD}#/Value{column}"] = Leaf(
                writable=WRITABLE, default=f"value {column}", maximum=256
            )
    identity = {
        BBF + "ManufacturerOUI": profile.oui,
        BBF + "ProductClass": profile.product_class,
        BBF + "SerialNumber": profile.serial,
        IDENTITY + "ManufacturerOUI": profile.oui,
        IDENTITY + "ProductClass": profile.product_class,
        IDENTITY + "SerialNumber": profile.serial,
    }
    if not profile.identity:
        parameters = {path: leaf for path, leaf in parameters.items() if path not in identity}
        identity = {}
    tree = Tree(
        parameters,
        tables,
        instance_base=profile.instance_base,
        reuse_instances=profile.reuse_instances,
        live=live,
    )
    own = {BBF + "Manufacturer": profile.manufacturer, BBF + "ModelName": profile.model_name}
    for path, value in {**own, **identity}.items():
        tree.store(path, value)
    for table, row in ROWS:
        values = {name: value.format(base=profile.instance_base) for name, value in row.items()}
        tree.add_row(table.format(base=profile.instance_base), values)
    for _ in range(-(-profile.extra_parameters // LOAD_PARAMETERS_IN_A_ROW)):
        tree.add_row(LOAD)
    return tree

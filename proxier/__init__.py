"""A TR-330 CPE Proxier: UPnP devices on the LAN become virtual CWMP devices of the operator's ACS."""

__version__ = "0.1.0"

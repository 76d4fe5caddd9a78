"""From CWMP to UPnP Device Management and back, as TR-330 lays down: pure functions, no I/O."""

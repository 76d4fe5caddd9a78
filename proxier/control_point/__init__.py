"""The UPnP control point: finds devices, reads what they offer, calls their actions, hears their events."""

from proxier.control_point.control_point import ControlPoint
from proxier.control_point.device import DeviceListener, Found, ProxiedDevice, ProxiedService
from proxier.control_point.survey import search

__all__ = ["ControlPoint", "DeviceListener", "Found", "ProxiedDevice", "ProxiedService", "search"]

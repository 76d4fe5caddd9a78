"""BasicManagement of the simulated device: status, reboot and reset; tests and logs have their own modules.

Source: BMS 2; SCPD of BasicManagement:2
"""

from __future__ import annotations

from collections.abc import Mapping

from proxier.demo.device_cms import timestamp
from proxier.demo.device_control import Arguments, Call
from proxier.demo.device_diagnostics import Diagnostics
from proxier.demo.device_gena import EventSource
from proxier.demo.device_life import Life
from proxier.demo.device_logs import Logs
from proxier.demo.device_profile import DeviceProfile


class BasicManagement:
    """The service.

    Attributes:
        diagnostics: the tests.
        logs: the logs.
        reboot_status: what Reboot answers; with `RebootLater` it is for the test to call `device.reboot()`.
    """

    def __init__(self, profile: DeviceProfile, events: EventSource, life: Life) -> None:
        self.diagnostics = Diagnostics(profile, events, life)
        self.logs = Logs(profile, events, life)
        self.reboot_status = "RebootNow"
        self._events = events
        self._life = life
        self.actions: Mapping[str, Call] = {
            **self.diagnostics.actions,
            **self.logs.actions,
            "GetDeviceStatus": lambda _: {"DeviceStatus": events.values["DeviceStatus"]},
            "Reboot": self._reboot,
            "BaselineReset": self._baseline_reset,
        }

    def power_off(self) -> None:
        """Forgets what does not outlive the power."""
        self.diagnostics.power_off()
        self.logs.power_off()

    def power_on(self) -> None:
        """The device is well since now."""
        self._events.set(DeviceStatus=f"OK,{timestamp()}")

    def set_status(self, word: str) -> None:
        """Changes the status of the device."""
        self._events.set(DeviceStatus=f"{word},{timestamp()}")

    def _reboot(self, _: Arguments) -> Arguments:
        if self.reboot_status == "RebootNow":
            self._life.after_answer(self._life.reboot())
        return {"RebootStatus": self.reboot_status}

    def _baseline_reset(self, _: Arguments) -> Arguments:
        self._life.after_answer(self._life.baseline_reset())
        return {}

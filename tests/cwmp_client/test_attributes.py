from __future__ import annotations

import pytest

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import SetParameterAttributesStruct
from cwmp_client.parameters import ActiveNotify
from tests.cwmp_client.parameter_house import PROVISIONING_CODE, SERVER, House


def attributes(name: str, notification: int, *, change: bool = True) -> SetParameterAttributesStruct:
    return SetParameterAttributesStruct(name, change, notification)


class TestAttributes:
    async def notifications(self, house: House, path: str) -> dict[str, int]:
        found = await house.tree.get_parameter_attributes([path])
        assert all(attribute.access_list == () for attribute in found)
        return {attribute.name: attribute.notification for attribute in found}

    async def test_first_values(self, house: House) -> None:
        found = await self.notifications(house, "")
        active = {name for name, notification in found.items() if notification}
        assert active == {PROVISIONING_CODE, SERVER + "ConnectionRequestURL"}
        assert set(found.values()) == {0, 2}

    async def test_a_partial_path_covers_all_below_and_later_ones_win(self, house: House) -> None:
        await house.tree.set_parameter_attributes(
            [
                attributes("Device.", 1),
                attributes("Device.Time.Enable", 2),
                attributes("Device.Hosts.", 5, change=False),
            ]
        )
        found = await self.notifications(House(house.journal.records), "Device.")
        assert found.pop("Device.Time.Enable") == found.pop(PROVISIONING_CODE) == 2
        assert set(found.values()) == {1}
        assert house.device.watched == {
            "Device.Time.Enable": 2,
            "Device.Time.NTPServer1": 1,
            "Device.Hosts.HostNumberOfEntries": 1,
            "Device.Hosts.Host.1.Name": 1,
        }

    async def test_nothing_is_saved_when_nothing_changes(self, house: House) -> None:
        await house.tree.set_parameter_attributes([attributes("Device.Time.Enable", 0)])
        assert house.journal.saves == []

    async def test_the_default_of_a_parameter_can_be_weakened_and_restored(self, house: House) -> None:
        url = SERVER + "ConnectionRequestURL"
        await house.tree.set_parameter_attributes([attributes(url, 0)])
        assert (await self.notifications(House(house.journal.records), url)) == {url: 0}
        await house.tree.set_parameter_attributes([attributes(url, 2)])
        assert (await self.notifications(house, url)) == {url: 2}

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [
            (attributes("Device.Nowhere", 1), FaultCode.INVALID_PARAMETER_NAME),
            (attributes("Device.Time.Enable", 7), FaultCode.INVALID_ARGUMENTS),
            (attributes("Device.Time.Enable", -1), FaultCode.INVALID_ARGUMENTS),
            (attributes(PROVISIONING_CODE, 0), FaultCode.NOTIFICATION_REJECTED),
            (
                SetParameterAttributesStruct("Device.Time.Enable", False, 0, True, ("Subscriber",)),
                FaultCode.INVALID_ARGUMENTS,
            ),
        ],
    )
    async def test_one_fault_and_nothing_is_changed(
        self, house: House, wanted: SetParameterAttributesStruct, code: FaultCode
    ) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.tree.set_parameter_attributes([attributes("Device.Time.NTPServer1", 2), wanted])
        assert fault.value.code == code
        assert house.device.watched == {}
        assert house.tree.notification("Device.Time.NTPServer1") == 0

    async def test_a_source_that_cannot_watch_has_nothing_to_undo(self, house: House) -> None:
        house.device.watch_refusals = [CwmpFault(9009)]
        with pytest.raises(CwmpFault):
            await house.tree.set_parameter_attributes([attributes("Device.", 2)])
        assert house.device.watched == {}
        assert house.tree.notification("Device.Time.Enable") == 0
        assert house.tree.notified == {}

    async def test_a_failed_save_undoes_all_even_when_the_undoing_fails(self, house: House) -> None:
        house.journal.broken = True
        house.device.watch_refusals = [None, RuntimeError("gone")]
        with pytest.raises(OSError, match="full"):
            await house.tree.set_parameter_attributes([attributes("Device.Time.", 2)])
        assert house.tree.notification("Device.Time.Enable") == 0

    async def test_what_a_device_tells_unasked_is_passive_from_then_on(self, house: House) -> None:
        house.device.events = {"Device.Time.Enable", "Device.Time.NTPServer1"}
        await house.tree.set_parameter_attributes([attributes("Device.Time.NTPServer1", 2)])
        found = await self.notifications(house, "Device.")
        assert (found["Device.Time.Enable"], found["Device.Time.NTPServer1"]) == (1, 2)
        assert house.device.watched == {"Device.Time.Enable": 1, "Device.Time.NTPServer1": 2}
        saves = len(house.journal.saves)
        assert await self.notifications(House(house.journal.records), "Device.Time.") == {
            "Device.Time.Enable": 1,
            "Device.Time.NTPServer1": 2,
        }
        await self.notifications(house, "Device.")
        assert len(house.journal.saves) == saves

    async def test_what_a_data_model_forces_is_active_unasked(self, house: House) -> None:
        house.device.give_rules(
            Enable=ActiveNotify.FORCE_ENABLED, NTPServer1=ActiveNotify.FORCE_DEFAULT_ENABLED
        )
        time = {"Device.Time.Enable": 2, "Device.Time.NTPServer1": 2}
        assert await self.notifications(house, "Device.Time.") == time
        await house.tree.set_parameter_attributes([attributes("Device.Time.", 0)])
        after = {"Device.Time.Enable": 2, "Device.Time.NTPServer1": 0}
        assert await self.notifications(house, "Device.Time.") == after
        again = House(house.journal.records)
        again.device.give_rules(
            **{name.rpartition(".")[2]: rule for name, rule in house.device.rules.items()}
        )
        assert await self.notifications(again, "Device.Time.") == after
        with pytest.raises(CwmpFault) as fault:
            await house.tree.set_parameter_attributes([attributes("Device.Time.Enable", 1)])
        assert fault.value.code == FaultCode.NOTIFICATION_REJECTED

    async def test_what_a_data_model_lets_deny_is_denied_active_notification_only(self, house: House) -> None:
        house.device.give_rules(Enable=ActiveNotify.CAN_DENY)
        with pytest.raises(CwmpFault) as fault:
            await house.tree.set_parameter_attributes(
                [attributes("Device.Time.NTPServer1", 2), attributes("Device.Time.Enable", 2)]
            )
        assert fault.value.code == FaultCode.NOTIFICATION_REJECTED
        assert house.device.watched == {}
        await house.tree.set_parameter_attributes([attributes("Device.Time.", 2)])
        assert await self.notifications(house, "Device.Time.") == {
            "Device.Time.Enable": 0,
            "Device.Time.NTPServer1": 2,
        }
        await house.tree.set_parameter_attributes([attributes("Device.Time.Enable", 1)])
        assert house.tree.notification("Device.Time.Enable") == 1

    async def test_unknown_names_are_9005(self, house: House) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.tree.get_parameter_attributes(["Device.Nowhere"])
        assert fault.value.code == FaultCode.INVALID_PARAMETER_NAME

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwmp_client.faults import FaultCode, ParameterFault
from translation.actions import ActionError
from translation.errors import (
    OPERATION_ERRORS,
    TABLE_2,
    UPDATE_ERRORS,
    fault_code,
    fault_of,
    set_fault_of,
)

BY_CODE = {
    401: 9001,
    402: 9003,
    501: 9001,
    600: 9003,
    601: 9003,
    602: 9001,
    603: 9004,
    604: 9001,
    605: 9003,
    606: 9002,
    607: 9001,
    612: 9001,
    613: 9001,
    699: 9001,
    701: 9003,
    702: 9003,
    703: 9005,
    704: 9006,
    705: 9007,
    706: 9008,
    708: 9004,
    709: 9004,
    800: 9001,
    899: 9001,
}


@pytest.mark.parametrize(("error", "fault"), sorted(BY_CODE.items()))
def test_table_2(error: int, fault: int) -> None:
    assert fault_code(error) == fault
    outside = 9003 if fault in {9006, 9007, 9008} else fault
    assert fault_of(ActionError(error)).code == outside


def test_table_2_has_each_code_once() -> None:
    codes = [code for row in TABLE_2 for code in range(row.first, row.last + 1)]
    assert len(codes) == len(set(codes))


@given(st.integers(0, 99_999))
def test_every_error_has_a_fault(error: int) -> None:
    known = any(row.first <= error <= row.last for row in TABLE_2)
    assert known or fault_code(error) == FaultCode.REQUEST_DENIED


@pytest.mark.parametrize(("error", "fault"), sorted(BY_CODE.items()))
def test_faults_of_set_parameter_values(error: int, fault: int) -> None:
    one = set_fault_of(ActionError(error, "No"), ["Device.A"])
    several = set_fault_of(ActionError(error, "No"), ["Device.A", "Device.B"])
    if 9005 <= fault <= 9008:
        text = f"The device refused: {error} No"
        assert (one.code, one.parameters) == (9003, (ParameterFault("Device.A", fault, text),))
        assert (several.code, several.parameters) == (9003, ())
    else:
        assert (one.code, one.parameters) == (several.code, several.parameters) == (fault, ())


def test_table_3() -> None:
    assert dict(UPDATE_ERRORS) == dict.fromkeys((701, 702, 704, 705, 710), 9001)
    assert dict(OPERATION_ERRORS) == {
        "Error_None": None,
        "Error_ConcurrentAccess": 9001,
        "Error_MissingDependency": 9001,
        "Error_Network": 9015,
        "Error_CorruptedFile": 9018,
        "Error_DiskFull": 9010,
        "Error_Other": 9001,
    }

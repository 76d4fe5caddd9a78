from __future__ import annotations

import pytest

from proxier.control_point.admission import may_be_admitted

UDN = "uuid:2fac1234-31f8-11b4-a222-08002b34c003"


@pytest.mark.parametrize(
    ("allow", "deny", "admitted"),
    [
        ((), (), True),
        ((), (UDN,), False),
        ((), (UDN.upper(),), False),
        ((), ("2FAC1234-*",), False),
        ((), ("00AABB-*",), True),
        ((), ("*",), False),
        ((UDN,), (), True),
        ((UDN,), ("uuid:*",), False),
        (("uuid:other", "UUID:another*"), (), False),
        (("uuid:other", "00AABB-*"), (), True),
        (("00AABB-*",), (), True),
        (("*",), (), True),
    ],
)
def test_what_the_udn_alone_decides(allow: tuple[str, ...], deny: tuple[str, ...], admitted: bool) -> None:
    assert may_be_admitted(UDN, allow, deny) is admitted

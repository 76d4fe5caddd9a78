from __future__ import annotations

from base64 import b64encode

import pytest

from proxier.status.guard import knows_password, means_us

NAMES = ("localhost", "Gateway.lan")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "127.0.0.1",
        "127.0.0.1:8080",
        "192.168.1.1:8080",
        "[::1]",
        "[::1]:8080",
        "gateway.lan",
        "gateway.lan:80",
    ],
)
def test_addresses_and_own_names_mean_us(host: str) -> None:
    assert means_us([host], NAMES)


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["evil.example"],
        ["evil.example:8080"],
        ["localhost.evil.example"],
        ["127.0.0.1.evil.example"],
        ["localhost", "evil.example"],
        ["localhost@evil.example"],
        ["evil.example:80:localhost"],
        ["[evil.example]"],
    ],
)
def test_other_names_do_not(hosts: list[str]) -> None:
    assert not means_us(hosts, NAMES)


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("header", [basic("me:päss:word"), basic("me:päss:word").replace("Basic", "bAsIc")])
def test_the_right_password_is_known(header: str) -> None:
    assert knows_password(header, "me", "päss:word")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic \u00e9",
        basic("me"),
        basic("me:"),
        basic("me:other"),
        basic("you:päss:word"),
        basic("me:päss:word").replace("Basic", "Bearer"),
        "Digest username=me",
    ],
)
def test_anything_else_is_not(header: str) -> None:
    assert not knows_password(header, "me", "päss:word")

"""docker-compose.yml hangs together, as far as that can be told without an engine."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from proxier.cli import build_parser
from proxier.settings import load

CHECKOUT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
DEVICES = [name for name in OURS if name != "proxier"]


def fixed_addresses(network: str) -> dict[str, str]:
    return {
        name: address
        for name, service in SERVICES.items()
        if isinstance(service["networks"], dict)
        and (address := (service["networks"].get(network) or {}).get("ipv4_address"))
    }


def test_docker_takes_it() -> None:
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("docker compose is not installed")
    command = [docker, "compose", "config", "--quiet"]
    config = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (config.returncode, config.stderr) == (0, "")


def test_every_image_is_built_here_or_pinned() -> None:
    for name, service in SERVICES.items():
        if name in OURS:
            assert (CHECKOUT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        else:
            _, _, tag = service["image"].partition(":")
            assert tag not in {"", "latest"}, name


def test_devices_and_proxier_share_a_network_without_a_default_route() -> None:
    assert COMPOSE["networks"]["lan"]["internal"] is True
    assert {name for name, service in SERVICES.items() if "lan" in service["networks"]} == set(OURS)
    assert "wan" in SERVICES["proxier"]["networks"]
    assert len(DEVICES) == 2


@pytest.mark.parametrize("network", ["lan", "wan"])
def test_fixed_addresses_are_free(network: str) -> None:
    [pool] = COMPOSE["networks"][network]["ipam"]["config"]
    subnet = ipaddress.ip_network(pool["subnet"])
    given_out = ipaddress.ip_network(pool["ip_range"]) if "ip_range" in pool else None
    addresses = [ipaddress.ip_address(address) for address in fixed_addresses(network).values()]
    assert len(set(addresses)) == len(addresses) > 0
    for address in addresses:
        assert address in subnet
        assert address != subnet[1], "the engine's own"
        assert given_out is None or address not in given_out


def test_a_network_that_gives_out_addresses_has_room_for_fixed_ones() -> None:
    for name, network in COMPOSE["networks"].items():
        users = {service for service, facts in SERVICES.items() if name in facts["networks"]}
        [pool] = network["ipam"]["config"]
        assert users == set(fixed_addresses(name)) or "ip_range" in pool


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_is_told_its_own_address(name: str) -> None:
    arguments = build_parser().parse_args(SERVICES[name]["command"])
    assert arguments.command == "simulate:simulate"
    assert arguments.host == fixed_addresses("lan")[name]


def test_devices_are_told_apart() -> None:
    serials = [build_parser().parse_args(SERVICES[name]["command"]).serial for name in DEVICES]
    assert len(set(serials)) == len(serials)


def test_the_proxier_finds_its_configuration_its_database_and_its_acs() -> None:
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["proxier"]["volumes"])
    [config] = [
        CHECKOUT / source for source, target in mounts.items() if target == "/etc/proxier/proxier.toml"
    ]
    settings = load(config)
    assert str(settings.storage.path.parent) in mounts.values()
    assert urlsplit(settings.acs.url).hostname in SERVICES
    health = SERVICES["proxier"]["healthcheck"]["test"]
    assert health[:2] == ["CMD", "proxier"]
    assert build_parser().parse_args(health[2:]).command == "devices:list_all"


def test_nothing_is_open_to_the_neighbourhood() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_who_is_waited_for_can_be_healthy() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_completed_successfully" or "healthcheck" in SERVICES[other]


def test_the_image_holds_all_that_the_wheel_is_built_from() -> None:
    allowed = {
        line.strip("!") for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert allowed >= {"pyproject.toml", "README.md", "LICENSE", "cwmp_client", "translation", "proxier"}

"""The command line: what can be called, and with what. What it does is in `proxier.commands`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from proxier import __version__
from proxier.errors import ProxierError

N = TypeVar("N", int, float)

CONFIG_HELP = (
    "configuration file (default: $PROXIER_CONFIG, else proxier.toml here, else /etc/proxier/proxier.toml)"
)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that the words name, those of the process unless given; returns the exit code."""
    arguments = build_parser().parse_args(words)
    module, function = arguments.command.split(":")
    try:
        # A gateway has little memory: only what this command needs is loaded.
        command: Callable[[argparse.Namespace], int] = getattr(
            import_module(f"proxier.commands.{module}"), function
        )
        exit_code = command(arguments)
        sys.stdout.flush()  # while it can still be said that nobody reads
    except ProxierError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130  # the shell's number for an end by SIGINT
    except BrokenPipeError:
        # What is left in the buffer goes nowhere; Python would complain about it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # the shell's number for an end by SIGPIPE
    return exit_code


def build_parser() -> argparse.ArgumentParser:
    """The parser, from which help, completion and manual are made."""
    parser = argparse.ArgumentParser(
        prog="proxier",
        description="A TR-330 CPE Proxier: UPnP devices on the LAN become CWMP (TR-069) devices of an ACS.",
    )
    parser.add_argument("--version", action="version", version=f"proxier {__version__}")
    parser.add_argument("--config", metavar="FILE", type=Path, help=CONFIG_HELP)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add(commands, "run", "run:run", "run the daemon; it logs to standard error")

    demo = _add(
        commands,
        "demo",
        "demo:demo",
        "play the main job through on loopback, with an ACS and devices of its own",
    )
    demo.add_argument(
        "--devices", metavar="N", type=_number(int, 1, 100), default=1, help="simulated devices (default: 1)"
    )

    simulate = _add(commands, "simulate", "simulate:simulate", "simulate a ManageableDevice:2 until stopped")
    simulate.add_argument(
        "--port",
        metavar="N",
        type=_number(int, 0, 65535),
        default=0,
        help="HTTP port (default: any free one)",
    )
    simulate.add_argument("--serial", metavar="S", default="0001", help="serial number (default: 0001)")
    simulate.add_argument(
        "--host", metavar="A", default="127.0.0.1", help="address to use (default: 127.0.0.1)"
    )

    discover = _add(commands, "discover", "discover:discover", "search once, and say what could be proxied")
    discover.add_argument(
        "--timeout",
        metavar="S",
        type=_number(float, 0.1, 600),
        default=4.0,
        help="seconds to wait (default: 4)",
    )
    discover.add_argument(
        "--interface", metavar="A", action="append", help="address or name of an interface; may be repeated"
    )
    _add_json(discover, default=False)

    devices = _add(commands, "devices", "devices:list_all", "list, show or forget virtual devices")
    _add_json(devices, default=False)
    actions = devices.add_subparsers(metavar="[ACTION]")  # argparse does not say that it may be left out
    show = _add(actions, "show", "devices:show", "show one virtual device")
    _add_device(show)
    show.add_argument(
        "--tree", action="store_true", help="its tree: every name with type, access and notification"
    )
    _add_json(show, default=argparse.SUPPRESS)
    _add_device(_add(actions, "forget", "devices:forget", "remove a virtual device from the database"))

    trace = _add(
        commands,
        "trace",
        "trace:trace",
        "show the envelopes of the last sessions of one device, with passwords masked",
    )
    _add_device(trace)
    _add_json(trace, default=False)

    database = _add(commands, "db", "db:backup", "look after the database")
    copies = database.add_subparsers(required=True, metavar="ACTION")
    backup = _add(
        copies,
        "backup",
        "db:backup",
        "copy the database, also while the daemon runs, to restore it from later",
    )
    backup.add_argument(
        "file", metavar="FILE", type=Path, help="where to put the copy; one that is there is replaced"
    )

    config = _add(commands, "config", "config:check", "look at the configuration")
    checks = config.add_subparsers(required=True, metavar="ACTION")
    _add(checks, "check", "config:check", "say what is wrong with the configuration, or what is in force")
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, function: str, help_text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
    parser.add_argument("--config", metavar="FILE", type=Path, default=argparse.SUPPRESS, help=CONFIG_HELP)
    parser.set_defaults(command=function)
    return parser


def _add_json(parser: argparse.ArgumentParser, *, default: object) -> None:
    parser.add_argument("--json", action="store_true", default=default, help="write JSON, for programs")


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "device",
        metavar="DEVICE",
        help="OUI-ProductClass-SerialNumber, a part of it that only one has, or a UDN",
    )


def _number(kind: type[N], least: float, greatest: float) -> Callable[[str], N]:
    def read(text: str) -> N:
        try:
            number = kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is no number that can be used") from error
        if not least <= number <= greatest:
            raise argparse.ArgumentTypeError(f"{text} is not in {least} to {greatest}")
        return number

    return read

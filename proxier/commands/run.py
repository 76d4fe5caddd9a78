"""`proxier run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
from collections.abc import Callable

from proxier import daemon, log
from proxier.errors import ProxierError
from proxier.settings import find_config, load

logger = logging.getLogger(__name__)


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped by a signal."""
    settings = load(arguments.config or find_config())
    log.configure(settings.log)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(daemon.run(settings))
    except ProxierError:
        raise
    except Exception:
        logger.exception("the proxier ends with an error")
        return 1
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop of the extra `uvloop`, where it is installed."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory

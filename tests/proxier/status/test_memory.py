"""What a gateway pays for a status page that it does not have."""

from __future__ import annotations

import subprocess
import sys


def test_who_has_no_status_page_loads_nothing_of_it() -> None:
    script = "import sys, proxier.commands.run; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "proxier.daemon" in loaded
    assert not {name for name in loaded if name.startswith(("prometheus_client", "proxier.status"))}

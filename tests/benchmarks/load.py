"""How long it takes to load: import, extension, first client that could submit.

Every figure is CPU time of a fresh process beyond a process that does nothing, median over rounds; the
candidates of one comparison take turns, so that a busy machine slows all of them.

    python tests/benchmarks/load.py [--rounds 7] [--peers DIR]

``--peers`` names a scratch folder into which jupyter_ai_magics is installed for comparison.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = "jupyter-ai-magics==2.31.*"

SHELL = """
import os
os.environ.setdefault("IPYTHONDIR", "/tmp")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
"""
CLOCK = "import time; begun = time.process_time()\n{work}\nprint('CPU', time.process_time() - begun)"

OWN_CLIENT = """
from kling_nb import providers
from kling_nb.transport.auth import Credential
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import tls_context
credential = Credential.access_key("AKLTsandbox", "0123456789abcdef0123456789abcdef", "argument")
client = ServiceClient("https://api-singapore.klingai.com", credential)
providers.get("official").query("1")
credential.authorization(time.time())
tls_context()
"""
"""Everything a submit needs once there are keys: dialect, signed token, connections, trust."""
WITH_SETTINGS = f"from kling_nb import settings; settings.load()\n{OWN_CLIENT}"
EAGER = "import pandas, sqlalchemy, ipywidgets, ipycanvas, anywidget, httpx, pydantic"


@dataclass
class Work:
    """Something to be timed in a fresh interpreter."""

    name: str
    code: str
    setup: str = ""
    python: str = sys.executable

    def once(self) -> float:
        """Return CPU milliseconds of one fresh run."""
        program = self.setup + CLOCK.format(work=self.code)
        env = {**os.environ, "PYTHONPATH": str(ROOT), "KLING_NB_HOME": "/tmp/kling-nb-load-benchmark"}
        done = subprocess.run(
            [self.python, "-c", program], env=env, capture_output=True, text=True, check=True, cwd="/tmp"
        )
        line = next(line for line in done.stdout.splitlines() if line.startswith("CPU "))
        return float(line.split()[1]) * 1e3


def medians(works: list[Work], rounds: int) -> dict[str, float]:
    """Return the median of each candidate; they take turns, and the first round only warms the disk cache."""
    taken: dict[str, list[float]] = {work.name: [] for work in works}
    for number in range(rounds + 1):
        for work in works:
            milliseconds = work.once()
            if number:
                taken[work.name].append(milliseconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def compare(title: str, own: Work, reference: Work, goal: float, rounds: int) -> bool:
    """Print one comparison; returns whether the goal is met."""
    result = medians([own, reference], rounds)
    ratio = result[own.name] / result[reference.name]
    met = ratio <= goal
    figures = "   ".join(f"{work.name:28} {result[work.name]:8.1f} ms" for work in (own, reference))
    print(f"{title:34} {figures}   ratio {ratio:6.3f}   goal {goal:5.3f}   {'met' if met else 'MISSED'}")
    return met


def peer_python(folder: Path) -> str:
    """Return the interpreter of a scratch environment that has the peer."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", PEER, "ipython"], check=True)
    return str(python)


def main() -> int:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", type=Path)
    options = parser.parse_args()

    load = Work("%load_ext kling_nb", "shell.run_line_magic('load_ext', 'kling_nb')", SHELL)
    results = [
        compare(
            "import", Work("kling_nb", "import kling_nb"), Work("httpx", "import httpx"), 0.15, options.rounds
        ),
        compare("extension in a warm shell", load, Work("eager stack", EAGER, SHELL), 0.02, options.rounds),
        compare(
            "first client that could submit",
            Work("kling_nb, token signed", OWN_CLIENT),
            Work("httpx.AsyncClient", "import httpx; httpx.AsyncClient()"),
            1.3,
            options.rounds,
        ),
    ]
    # No goal of its own: most of it is pydantic, which every request needs anyway.
    compare(
        "same, settings read too",
        Work("kling_nb, settings read", WITH_SETTINGS),
        Work("pydantic_settings + httpx", "import pydantic_settings, httpx; httpx.AsyncClient()"),
        1.3,
        options.rounds,
    )
    if options.peers:
        peer = Work(
            "%load_ext jupyter_ai_magics",
            "shell.run_line_magic('load_ext', 'jupyter_ai_magics')",
            SHELL,
            peer_python(options.peers),
        )
        results.append(compare("extension against its peer", load, peer, 0.02, options.rounds))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

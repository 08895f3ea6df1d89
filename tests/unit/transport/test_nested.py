"""When nesting asyncio is allowed, and with which library."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib import metadata

import pytest

from kling_nb.errors import SettingsError
from kling_nb.transport import nested


@pytest.fixture
def installed(monkeypatch):
    """Pretend that these versions are installed; nothing is really applied."""
    applied = []
    monkeypatch.delattr(asyncio, "_nest_patched", raising=False)

    def pretend(**versions):
        def version(name):
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(nested.metadata, "version", version)
        return applied

    class Library:
        def __init__(self, name):
            self.apply = lambda: applied.append(name)

    for name in ("nest_asyncio", "nest_asyncio2"):
        monkeypatch.setitem(sys.modules, name, Library(name))
    return pretend


@pytest.mark.parametrize("kernel", ["7.1.0", "7.4.0", "8.0.0a1", "7.10.2"])
def test_first_library_is_refused_on_new_kernels_with_the_reason(installed, kernel):
    applied = installed(nest_asyncio="1.6.0", ipykernel=kernel)
    with pytest.raises(SettingsError, match="widget events") as caught:
        nested.enable_nested_asyncio()
    assert "nest-asyncio2" in caught.value.advice
    assert applied == []


@pytest.mark.parametrize("second", ["1.7.2", "1.7", "1.6.9"])
def test_old_second_library_does_not_count(installed, second):
    installed(nest_asyncio="1.6.0", nest_asyncio2=second, ipykernel="7.4.0")
    with pytest.raises(SettingsError):
        nested.enable_nested_asyncio()


@pytest.mark.parametrize("second", ["1.7.3", "1.7.4", "1.10.0", "2.0rc1"])
def test_second_library_is_preferred(installed, second):
    applied = installed(nest_asyncio="1.6.0", nest_asyncio2=second, ipykernel="7.4.0")
    assert nested.enable_nested_asyncio().startswith("nest_asyncio2 ")
    assert applied == ["nest_asyncio2"]


@pytest.mark.parametrize("kernel", [{"ipykernel": "6.29.5"}, {"ipykernel": "7.0.1"}, {}])
def test_first_library_serves_old_kernels(installed, kernel):
    applied = installed(nest_asyncio="1.6.0", **kernel)
    assert nested.enable_nested_asyncio() == "nest_asyncio 1.6.0"
    assert applied == ["nest_asyncio"]


def test_nothing_installed(installed):
    installed(ipykernel="7.4.0")
    with pytest.raises(SettingsError, match="not installed"):
        nested.enable_nested_asyncio()


def test_first_library_applied_by_someone_else_on_a_new_kernel(installed, monkeypatch):
    monkeypatch.setattr(asyncio, "_nest_patched", True, raising=False)
    monkeypatch.delattr(asyncio, "_nest_asyncio2", raising=False)
    installed(nest_asyncio="1.6.0", nest_asyncio2="1.7.4", ipykernel="7.4.0")
    with pytest.raises(SettingsError, match="already"):
        nested.enable_nested_asyncio()


def test_asyncio_run_works_inside_a_running_loop_afterwards():
    program = (
        "import asyncio\n"
        "from kling_nb.transport.loop import background\n"
        "from kling_nb.transport.nested import enable_nested_asyncio\n"
        "async def cell():\n"
        "    print(enable_nested_asyncio())\n"
        "    assert asyncio.run(asyncio.sleep(0, 5)) == 5\n"
        "    assert background().call(asyncio.sleep(0, 6), 30) == 6\n"
        "loop = asyncio.new_event_loop()\n"
        "asyncio.set_event_loop(loop)\n"
        "loop.run_until_complete(cell())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"nest_asyncio2 1.")

"""A plain IPython shell, as a terminal has it, without history and without a page."""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from kling_nb import settings
from kling_nb.magics import extension, warmup
from kling_nb.session import set_default_session


@pytest.fixture(scope="session")
def ipython_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IPython's own files, of which no test uses any."""
    return tmp_path_factory.mktemp("ipython")


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ipython_folder: Path) -> Path:
    """No credential, no setting, an empty working directory."""
    for name in list(os.environ):
        if name.startswith(("KLING", "ACEDATA", "AIMLAPI", "JPY_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(ipython_folder))
    return tmp_path


@pytest.fixture
def shell(clean_environment: Path) -> Iterator[InteractiveShell]:
    """A shell of its own for each test."""
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    main = sys.modules["__main__"]
    made = InteractiveShell.instance(config=config)
    display = builtins.__dict__.get("display")
    yield made
    extension.unload(made)
    warmup.finish()
    if warmup._thread is not None:
        warmup._thread.join()
    atexit.unregister(made.atexit_operations)
    # Emptying the cache of outputs would search all that tests ever made for garbage, 0.3 s each time.
    made.displayhook.do_full_cache = False
    made.atexit_operations()
    InteractiveShell.clear_instance()
    # A shell puts a module of its own there, and empties it when it ends: no process can be spawned then.
    sys.modules["__main__"] = main
    if display is not None:
        builtins.__dict__["display"] = display
    set_default_session(None)
    for name in settings.configured():
        settings.configure(name, None)

"""Loading: light, once, completely undone; and what the line about the provider says."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import kling_nb
from kling_nb import settings
from kling_nb.errors import SettingsError
from kling_nb.magics import announce, extension, warmup
from kling_nb.session.choice import choose_provider


def registered(shell: InteractiveShell) -> tuple[int, ...]:
    """How many of our things the shell holds: line and cell magic, matchers, transformers, hooks."""
    ours = [m for m in shell.Completer.custom_matchers if m.__module__.startswith("kling_nb")]
    transformers = [t for t in shell.input_transformers_cleanup if t.__module__.startswith("kling_nb")]
    callbacks = [h for event in ("pre_run_cell", "post_run_cell") for h in shell.events.callbacks[event]]
    hooks = [h for h in callbacks if h.__module__.startswith("kling_nb")]
    magics = shell.magics_manager.magics
    return "kling" in magics["line"], "kling" in magics["cell"], len(ours), len(transformers), len(hooks)


def test_loading_twice_registers_once_and_unloading_takes_everything_back(shell: InteractiveShell) -> None:
    assert registered(shell) == (0, 0, 0, 0, 0)
    extension.load(shell)
    extension.load(shell)
    assert registered(shell) == (1, 1, 1, 1, 4)
    extension.unload(shell)
    extension.unload(shell)
    assert registered(shell) == (0, 0, 0, 0, 0)


def test_load_reload_and_unload_by_their_magics(shell: InteractiveShell) -> None:
    for line in ("%load_ext kling_nb", "%load_ext kling_nb", "%reload_ext kling_nb"):
        assert shell.run_cell(line).success
        assert registered(shell) == (1, 1, 1, 1, 4)
    assert shell.run_cell("%unload_ext kling_nb").success
    assert registered(shell) == (0, 0, 0, 0, 0)


def test_the_line_says_provider_reason_and_place(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    extension.load(shell)
    line = capsys.readouterr().out.strip()
    assert "\n" not in line
    for part in ("provider sandbox", "no Kling credential found", "kling_runs", "%kling help"):
        assert part in line


ENVIRONMENTS: list[Mapping[str, str]] = [
    {},
    {"KLING_NB_PROVIDER": "sandbox"},
    {"KLING_NB_PROVIDER": "official", "KLING_API_KEY": "k"},
    {"KLING_API_KEY": "k"},
    {"KLINGAI_API_KEY": "k"},
    {"KLING_ACCESS_KEY": "a", "KLING_SECRET_KEY": "s"},
    {"KLINGAI_ACCESS_KEY": "a", "KLINGAI_SECRET_KEY": "s"},
    {"KLING_API_KEY": "k", "KLING_ACCESS_KEY": "a", "KLING_SECRET_KEY": "s"},
    {"KLING_API_KEY": ""},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: "+".join(e) or "none")
def test_the_first_guess_says_what_the_session_says(
    clean_environment: Path, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        expected = tuple(choose_provider(settings.load()))
    except SettingsError:
        pytest.fail("an environment of this list is complete")
    assert announce.first_guess(environment) == expected


def test_a_terminal_is_told_of_a_key_that_is_not_in_the_environment(
    clean_environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line is printed once, and runs would be charged."""
    monkeypatch.setattr(announce, "has_page", lambda: False)
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "")
    for content, words in (
        ("AIMLAPI_KEY=sesame-0123", "provider aimlapi (credential from AIMLAPI_KEY in"),
        ("KLING_ACCESS_KEY=sesame-0123", "provider none (KLING_ACCESS_KEY is set in"),
        ("OTHER=1", "provider sandbox (no Kling credential found"),
    ):
        (clean_environment / ".env").write_text(f"{content}\n")
        announce.say_first_line()
        said = capsys.readouterr().out
        assert words in said
        assert "sesame" not in said


def test_no_secret_stands_in_the_line() -> None:
    environment = {"KLING_ACCESS_KEY": "AKsecret1", "KLING_SECRET_KEY": "SKsecret2"}
    line = announce.load_line(*announce.first_guess(environment), Path("runs"))
    assert "secret" not in line


@pytest.mark.parametrize(
    ("followed", "waiting", "text"),
    [
        (0, 0, ""),
        (2, 0, "2 runs still in flight, following them"),
        (1, 0, "1 run still in flight, following it"),
        (0, 1, "1 run never sent: %kling resume sends it"),
        (1, 2, "1 run still in flight, following it; 2 runs never sent: %kling resume sends them"),
    ],
)
def test_the_sentence_about_unfinished_runs(followed: int, waiting: int, text: str) -> None:
    assert announce.unfinished_line(followed, waiting) == text


HEAVY = [
    "pandas",
    "numpy",
    "sqlalchemy",
    "httpx",
    "pydantic",
    "ipywidgets",
    "anywidget",
    "ipycanvas",
    "jinja2",
]


def test_loading_imports_nothing_heavy_in_the_foreground() -> None:
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "from kling_nb.magics import warmup\n"
        "warmup.start = lambda then: None\n"
        "before = set(sys.modules)\n"
        "import kling_nb; kling_nb.load_ipython_extension(shell)\n"
        f"print(sorted((set(sys.modules) - before) & set({HEAVY!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


SLOW_MODULE = """
import time
import kling_nb
kling_nb.__getattr__("RunStatus")  # as any module may: it must not wait for itself
time.sleep(0.3)
ready = True
"""


@pytest.fixture
def slow_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The only module that the background imports, as if it were the first time in this process."""
    name = "slow_and_heavy"
    (tmp_path / f"{name}.py").write_text(SLOW_MODULE, encoding="utf-8")
    warmup.release()
    if warmup._thread is not None:
        # Left by an earlier test, late as threads are, it would import what is meant for this one.
        warmup._thread.join()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(warmup, "MODULES", (name,))
    for event in ("_released", "_awaited", "_imported"):
        monkeypatch.setattr(warmup, event, threading.Event())
    yield name
    warmup.finish()
    if warmup._thread is not None:
        warmup._thread.join()
    sys.modules.pop(name, None)


def test_the_magic_waits_for_the_background_imports(slow_module: str) -> None:
    warmup.start(lambda: None)
    warmup.finish()
    assert sys.modules[slow_module].ready


def test_background_imports_run_between_cells_only(shell: InteractiveShell, slow_module: str) -> None:
    """Beside a cell they could spoil the cell's own imports: ``import numpy`` in two threads at once."""
    shell.run_cell(
        "%load_ext kling_nb\nimport sys, time\ntime.sleep(0.2)\nbeside = 'slow_and_heavy' in sys.modules"
    )
    assert not shell.user_ns["beside"]
    shell.run_cell("ready = getattr(sys.modules['slow_and_heavy'], 'ready', False)")
    assert shell.user_ns["ready"]
    assert warmup.is_ready()


def test_a_forked_child_does_not_wait_for_the_imports_of_its_parent() -> None:
    code = (
        "import os, sys\n"
        "from kling_nb.magics import warmup\n"
        "warmup.start(lambda: None)\n"  # begins when it is released: never here
        "child = os.fork()\n"
        "if not child:\n"
        "    warmup.finish()\n"
        "    os._exit(7)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 7


def press_tab(shell: InteractiveShell) -> None:
    with provisionalcompleter():
        assert "status" in [found.text for found in shell.Completer.completions("%kling stat", 11)]


def use_the_package(_: InteractiveShell) -> None:
    assert kling_nb.__getattr__("RunStatus")


@pytest.mark.parametrize("use", [press_tab, use_the_package])
def test_what_runs_outside_cells_waits_for_the_background_imports(
    shell: InteractiveShell, slow_module: str, use: Callable[[InteractiveShell], object]
) -> None:
    """Tab and silent executions, as viewers of variables make them, have no hook of ours."""
    shell.run_cell("%load_ext kling_nb")
    use(shell)
    assert sys.modules[slow_module].ready


def test_a_magic_in_the_loading_cell_does_not_wait_for_the_end_of_its_own_cell(
    shell: InteractiveShell,
) -> None:
    done = shell.run_cell("%load_ext kling_nb\n%kling help")
    assert done.success

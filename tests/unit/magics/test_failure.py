"""Errors of Python calls in cells: as short as those of the magics, the traceback on request."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from kling_nb.magics import extension

RAISE = "raise KlingError('what is wrong', 'why it is so', 'what to do')"


@pytest.fixture
def loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    extension.load(shell)
    shell.run_cell("from kling_nb.errors import KlingError")
    capsys.readouterr()
    return shell


def test_three_lines_first_and_the_traceback_by_tb(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not loaded.run_cell(RAISE).success
    assert capsys.readouterr().out.splitlines() == ["what is wrong", "why it is so", "what to do"]
    loaded.run_cell("%tb")
    assert "Traceback" in capsys.readouterr().out


def test_an_awaited_error_is_as_short(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert not loaded.run_cell(f"async def fail(): {RAISE}\nawait fail()").success
    assert capsys.readouterr().out.splitlines()[1:] == ["what is wrong", "why it is so", "what to do"]


def test_a_longer_cell_names_its_line(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert not loaded.run_cell(f"first = 1\n{RAISE}\nlast = 2").success
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Cell In[")
    assert lines[0].endswith(f"line 2: {RAISE}")
    assert lines[1:] == ["what is wrong", "why it is so", "what to do"]


def test_the_traceback_option_is_heeded(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert not loaded.run_cell("%kling show r-nothing --traceback").success
    assert "Traceback" in capsys.readouterr().out


def test_other_errors_keep_their_tracebacks(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not loaded.run_cell("1 / 0").success
    assert "Traceback" in capsys.readouterr().out


def test_unloading_takes_it_back(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    extension.unload(loaded)
    assert not loaded.run_cell(RAISE).success
    assert "Traceback" in capsys.readouterr().out


def test_somebody_elses_handler_stays(shell: InteractiveShell) -> None:
    shell.set_custom_exc((ZeroDivisionError,), lambda *_, **__: None)
    extension.load(shell)
    assert shell.custom_exceptions == (ZeroDivisionError,)
    extension.unload(shell)
    assert shell.custom_exceptions == (ZeroDivisionError,)

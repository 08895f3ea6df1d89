"""Whose run it is, and whether they still live."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kling_nb.session.owner import Owner


def test_a_living_process_is_not_gone() -> None:
    here = Owner.current()
    assert not here.is_gone(Owner.current())
    assert not replace(here, pid=os.getppid(), started="").is_gone(here)


def test_an_ended_process_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    here = Owner.current()
    assert replace(here, pid=child.pid).is_gone(here)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no process start marks here")
def test_a_process_id_used_again_is_another_process() -> None:
    here = Owner.current()
    assert replace(here, started="1").is_gone(here)


def test_nobody_judges_another_machine() -> None:
    here = Owner.current()
    ended = replace(here, started="1")
    assert not replace(ended, host="elsewhere").is_gone(here)
    assert not replace(ended, namespace="4026530000").is_gone(here)


def test_the_written_form_reads_back() -> None:
    here = Owner.current()
    assert Owner.parse(str(here)) == here
    assert str(here) != str(Owner.current()), "two sessions of one process are told apart"


@pytest.mark.parametrize("text", ["", "me", "a|b|c|d|e", "host|0|12|3"])
def test_other_texts_are_no_owner(text: str) -> None:
    assert Owner.parse(text) is None

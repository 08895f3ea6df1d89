"""The names of ``import kling_nb as kn`` and the default session."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import kling_nb as kn
from kling_nb import settings
from kling_nb.session import Session, default_session, functions, set_default_session


@pytest.fixture(autouse=True)
def _own_default() -> object:
    set_default_session(None)
    yield
    set_default_session(None)


def test_every_function_is_a_method_of_the_session() -> None:
    for name, function in inspect.getmembers(functions, inspect.isfunction):
        if function.__module__ == functions.__name__:
            assert callable(getattr(Session, name)), name
            # The package that measures has the name of what it does, and can be called.
            assert getattr(kn, name) is function or (name == "score" and callable(kn.score))


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="sumbit"):
        _ = kn.sumbit  # type: ignore[attr-defined]  # the slip is the test


def test_one_default_session_until_its_home_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = default_session()
    assert default_session() is first
    assert first.home == tmp_path / "kling_runs"
    settings.configure("home", tmp_path / "elsewhere")
    try:
        second = default_session()
        assert second is not first
        assert second.home == tmp_path / "elsewhere"
    finally:
        settings.configure("home", None)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert default_session().home == tmp_path / "notebooks" / "kling_runs"


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    assert len(kn.runs()) == 0
    assert kn.unfinished() == []
    assert list(tmp_path.iterdir()) == []


def test_models_tell_what_is_retired() -> None:
    frame = kn.models("official")
    brush = frame[frame["features"].str.contains("brush")]
    assert set(brush["model"]) == {"kling-v1", "kling-v1-5"}
    assert set(brush["status"]) == {"retired"}
    served = set(frame.loc[frame["status"] == "served", "model"])
    assert served == {"kling-v2-5-turbo", "kling-v2-6", "kling-v3"}
    assert set(kn.models("sandbox")["status"]) == {"served"}
    v3 = frame[(frame["form"] == "image2video") & (frame["model"] == "kling-v3") & (frame["mode"] == "std")]
    assert list(v3["seconds"]) == ["3…15"]
    assert list(v3["units"]) == ["1.8 … 9"]
    assert list(v3["usd"]) == ["$0.252 … $1.26"]


def test_models_of_a_gateway_name_no_units() -> None:
    frame = kn.models("acedata")
    assert set(frame["units"]) == {""}
    prices = frame[(frame["form"] == "image2video") & (frame["model"] == "kling-v2-master")]
    assert list(prices["usd"]) == ["$0.50 … $1.00"]

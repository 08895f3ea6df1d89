"""A fifth provider is one module and one line in the registry: nothing else of the package knows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fifth_door
import numpy as np
import pytest
from quick_sessions import finish

from kling_nb import providers, render
from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError, RequestRefused, SettingsError
from kling_nb.session import Session


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[fifth_door.Service]:
    """The service, its registry line and its two variables."""
    film = tmp_path / "film.mp4"
    render.render_video(render.RenderPlan(np.full((64, 64, 3), 99, np.uint8), 64, 64, frames=5), film)
    service = fifth_door.Service(film.read_bytes())
    monkeypatch.setitem(providers._MODULES, "fifth", "fifth_door:Fifth")
    monkeypatch.setenv("FIFTH_BASE", service.url)
    monkeypatch.setenv("FIFTH_KEY", fifth_door.KEY)
    yield service
    service.close()


@pytest.fixture
def session(service: fifth_door.Service, tmp_path: Path) -> Iterator[Session]:
    """A session that is told nothing about the door."""
    with Session(home=tmp_path / "runs") as session:
        yield session


def test_its_key_alone_opens_it(session: Session, service: fifth_door.Service) -> None:
    assert session.choose_provider() == ("fifth", "credential from FIFTH_KEY")
    assert session.address("fifth") == service.url


def test_words_become_a_video(session: Session, service: fifth_door.Service) -> None:
    run = finish(session.submit(prompt="a xylophone plays"))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run.video is not None and run.poster is not None
    assert service.made == [{"say": "a xylophone plays", "with": "kling-v2-6", "from": None, "for": 5}]
    assert run.task_id == "thing/1"
    assert "the fifth door dislikes xylophones" in run.notices
    assert run.cost.estimate == 3
    assert "provider='fifth'" in run.to_python()
    assert session.submit(prompt="a xylophone plays").id == run.id
    assert len(service.made) == 1


def test_a_local_picture_needs_an_uploader_and_its_address_is_kept(
    session: Session, service: fifth_door.Service, picture: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(RequestRefused, match="local picture"):
        session.submit(picture, "it moves")
    calls: list[tuple[int, str]] = []

    def uploader(data: bytes, name: str) -> str:
        calls.append((len(data), name))
        return f"https://pictures.example/{name}"

    with Session(home=tmp_path / "runs", uploader=uploader) as able:
        assert able.check(picture, "it moves")[-1].id == "L31"
        assert "invalid" in str(able.build(picture, "it moves").body())
        assert calls == [], "looking uploads nothing"
        run = finish(able.submit(picture, "it moves"))
    assert run.error is None
    ((size, name),) = calls
    assert name.endswith(".png")
    assert size > 1000
    address = f"https://pictures.example/{name}"
    assert service.made[0]["from"] == address
    assert list(run.record.options["uploads"].values()) == [address]
    assert run.record.wire is not None and run.record.wire["from"] == address


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "NoneType"),
        ("/tmp/a.png", "no http"),
        ("http://127.0.0.1/a.png", None),
        (OSError("bucket full"), "bucket full"),
    ],
)
def test_an_uploader_that_fails_costs_nothing(
    service: fifth_door.Service, picture: np.ndarray, tmp_path: Path, returned: object, words: str | None
) -> None:
    def uploader(_data: bytes, _name: str) -> str:
        if isinstance(returned, Exception):
            raise returned
        return returned  # type: ignore[return-value]  # what a person's function may do

    with Session(home=tmp_path / "runs", uploader=uploader) as session:
        run = finish(session.submit(picture, "it moves"))
    if words is None:
        assert run.error is None, "the service is on this machine too"
        return
    assert run.status is RunStatus.CREATED
    assert words in str(run.error)
    assert "%kling resume" in str(run.error)
    assert service.made == []


def test_doctor_models_and_refusals_know_it(session: Session, service: fifth_door.Service) -> None:
    report = session.doctor()
    lines = {line.name: line for line in report.lines}
    assert lines["access"].ok
    assert "12.5 shillings" in lines["balance"].text
    assert lines["credential"].text == "api-key from FIFTH_KEY"
    assert service.url in lines["address"].text
    assert set(session.models("fifth")["model"]) == {"kling-v2-6"}
    with pytest.raises(RequestRefused, match="Fifth Door"):
        session.submit(prompt="a lake", callback_url="https://me.example/hook")
    with pytest.raises(InputError, match="Fifth Door does not look for masks"):
        session.masks(np.zeros((300, 300, 3), np.uint8))
    with pytest.raises(SettingsError, match="does not speak the dialect of 'fifth'"):
        session.submit(prompt="a lake", provider="sandbox-fifth")


def test_a_run_of_another_address_gets_no_key(
    session: Session, service: fifth_door.Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish(session.submit(prompt="a lake"))
    session.log.update(run.id, status=RunStatus.PROCESSING, base_url="https://elsewhere.example")
    error = finish(session.resume(run.id)[0]).error
    assert isinstance(error, SettingsError)
    assert "FIFTH_BASE=https://elsewhere.example" in error.advice

"""The live card without a page: what it sends, and what clicks do."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kept_output import Output

from kling_nb.domain.task import RunStatus
from kling_nb.errors import SettingsError, TaskFailed
from kling_nb.session.troubles import error_columns
from kling_nb.widgets import card as cards
from kling_nb.widgets import places
from kling_nb.widgets.card import WIDGET_TYPE, RunCard


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], Any]]:
    """Messages the card sends to its page."""
    messages: list[tuple[dict[str, Any], Any]] = []
    monkeypatch.setattr(
        RunCard, "send", lambda self, content, buffers=None: messages.append((content, buffers))
    )
    return messages


@pytest.fixture
def in_lab(studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Jupyter Server had started the kernel and showed ``tmp_path``."""
    places._root_of.cache_clear()
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (runtime / "jpserver-7.json").write_text(json.dumps({"root_dir": str(tmp_path)}))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("JPY_PARENT_PID", "7")


def bundle(card: RunCard) -> dict[str, Any]:
    return card._repr_mimebundle_()[0]


def test_running_card_is_live_and_has_a_fallback(studio) -> None:
    shown = bundle(RunCard(studio.run()))
    assert set(shown) == {"text/plain", "text/html", WIDGET_TYPE}
    assert "processing" in shown["text/plain"]


def test_the_state_is_json_and_has_no_path_to_secrets(studio) -> None:
    state = RunCard(studio.run()).state
    assert json.loads(json.dumps(state)) == state
    assert state["expected_s"] == 90.0
    assert not {key for key in state if "key" in key or "token" in key}


def test_card_follows_its_run(studio) -> None:
    run = studio.run()
    card = RunCard(run)
    run.settle(TaskFailed("The task failed.", "why", "advice"))
    run.set_columns(status=RunStatus.FAILED)
    card._on_change(run)
    assert card.state["status"] == "failed"
    assert card.state["error"] == ["The task failed.", "why", "advice"]


def test_an_end_that_comes_while_the_card_looks_is_saved_with_its_reason(
    studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "CellOutput", Output)
    run = studio.run()
    card = RunCard(run).show()

    def end_meanwhile(_record: object) -> float:
        run.set_columns(status=RunStatus.FAILED, **error_columns(TaskFailed("Refused.", "why", "advice"), {}))
        run.settle()
        return 90.0

    monkeypatch.setattr(studio.keeper, "expected_seconds", end_meanwhile)
    card._on_change(run)
    card._on_change(run)
    saved = card._output.bundles[-1]["text/html"]
    assert "failed" in saved and "Refused." in saved


def test_an_end_that_comes_while_the_card_is_made_is_shown(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    run = studio.run()

    def end_meanwhile(_card: RunCard) -> bytes:
        run.set_columns(status=RunStatus.FAILED)
        run.settle()
        return b""

    monkeypatch.setattr(RunCard, "_poster", end_meanwhile)
    assert RunCard(run).state["status"] == "failed"


def test_a_closed_card_no_longer_listens(studio) -> None:
    run = studio.run()
    card = RunCard(run)
    assert run._changed._listeners
    card.close()
    assert not run._changed._listeners


def test_a_broken_page_does_not_disturb_the_run(
    studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = studio.run()
    card = RunCard(run)
    monkeypatch.setattr(card, "_state", lambda: 1 / 0)
    card._on_change(run)
    assert "could not be updated" in caplog.text


@pytest.mark.usefixtures("in_lab")
def test_a_finished_card_needs_no_kernel_where_the_server_shows_the_video(studio) -> None:
    shown = bundle(RunCard(studio.finished()))
    assert WIDGET_TYPE not in shown
    assert 'src="kling_runs/media/clip.mp4"' in shown["text/html"]


@pytest.mark.usefixtures("in_lab")
def test_links_start_at_the_notebooks_folder(studio, tmp_path: Path) -> None:
    shown = bundle(RunCard(studio.finished(), notebook_folder=tmp_path / "other"))
    assert 'src="../notebooks/kling_runs/media/clip.mp4"' in shown["text/html"]


def test_a_finished_card_stays_live_where_no_server_shows_the_video(studio) -> None:
    card = RunCard(studio.finished())
    assert WIDGET_TYPE in bundle(card)
    assert card.state["video"]["url_path"] is None
    assert card.state["video"]["embeds"] is True


def test_large_videos_wait_to_be_asked_for(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_NB_EMBED_CAP_MB", "0.00001")
    assert RunCard(studio.finished(b"x" * 100)).state["video"]["embeds"] is False


def test_clicks(studio, sent: list[tuple[dict[str, Any], Any]]) -> None:
    card = RunCard(studio.finished())
    for kind in ("stop", "follow", "video", "time", "nonsense"):
        card._on_message(card, {"kind": kind}, [])
    assert studio.keeper.calls == ["stop", "follow"]
    (video, buffers), (time, _) = sent
    assert video == {"kind": "video"}
    assert buffers == [b"video"]
    assert time["kind"] == "time"
    assert time["now_ms"] > 1_700_000_000_000


def test_a_click_that_cannot_be_done_is_no_traceback(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, run: object) -> None:
        raise SettingsError("no credential")

    monkeypatch.setattr(type(studio.keeper), "follow", refuse)
    card = RunCard(studio.run())
    card._on_message(card, {"kind": "follow"}, [])


def test_poster_is_the_first_frame_or_the_start_image(studio) -> None:
    inputs = studio.keeper.home / "inputs"
    inputs.mkdir(parents=True)
    (inputs / "abc.png").write_bytes(b"\x89PNG start")
    assert RunCard(studio.run(image_sha256="abc")).poster == b"\x89PNG start"
    assert RunCard(studio.finished(image_sha256="abc")).poster == b"\xff\xd8\xff poster"
    assert RunCard(studio.run()).poster == b""


def test_the_status_word_is_explained_for_what_really_happened(studio) -> None:
    refused = studio.run(RunStatus.FAILED, task_id=None)
    assert "nothing was charged" in RunCard(refused).state["explained"]
    failed = studio.run(RunStatus.FAILED, task_id="7")
    assert RunCard(failed).state["explained"] == "The service ended the task without a video."
    leaving = studio.run(RunStatus.CREATED, task_id=None)
    assert "not sent yet" in RunCard(studio.run(RunStatus.CREATED, sending_at=None)).state["explained"]
    leaving.set_columns(sending_at=leaving.record.created_at)
    assert "not confirmed yet" in RunCard(leaving).state["explained"]


@pytest.mark.parametrize(
    ("columns", "form", "provider"),
    [
        ({}, "image-to-video", "sandbox"),
        ({"form": "text2video"}, "text-to-video, no picture", "sandbox"),
        ({"form": "extend", "parent_run": "r-parent"}, "video extension", "sandbox"),
        ({"provider": "acedata"}, "image-to-video", "AceData"),
        ({"provider": "sandbox-aimlapi"}, "image-to-video", "sandbox-aimlapi (plays AI/ML API)"),
        ({"provider": "gone-tomorrow"}, "image-to-video", "gone-tomorrow"),
    ],
)
def test_form_door_and_parent_are_said(studio, columns: dict[str, str], form: str, provider: str) -> None:
    card = RunCard(studio.run(**columns))
    assert (card.state["form"], card.state["provider"]) == (form, provider)
    shown = bundle(card)
    assert form in shown["text/html"] and provider in shown["text/html"]
    assert ("goes on from r-parent" in shown["text/html"]) == ("parent_run" in columns)
    assert ("no picture" in shown["text/plain"]) == ("no picture" in form)


def test_a_lost_answer_says_where_to_look_and_which_line_to_copy(studio) -> None:
    card = RunCard(studio.run(RunStatus.UNCERTAIN, provider="acedata", external_task_id=None))
    assert card.state["check"] == {
        "console": "https://platform.acedata.cloud",
        "title": "AceData",
        "command": "%kling attach <task id> --run r-2mta0000test",
    }
    html = bundle(card)["text/html"]
    assert 'href="https://platform.acedata.cloud"' in html
    assert "%kling attach &lt;task id&gt; --run r-2mta0000test" in html
    assert "only you can find its task" in card.state["explained"]


def test_a_refused_run_is_not_being_sent_any_more(studio) -> None:
    run = studio.run(task_id=None)
    run.set_message("sending")
    assert RunCard(run).state["message"] == "sending"
    run.set_columns(status=RunStatus.FAILED)
    assert RunCard(run).state["message"] == ""


def test_a_lost_rehearsal_leads_to_the_sandbox_and_not_to_the_vendor(studio) -> None:
    card = RunCard(studio.run(RunStatus.UNCERTAIN, provider="sandbox-acedata", external_task_id=None))
    assert card.state["check"]["console"] == ""
    html = bundle(card)["text/html"]
    assert "Look for the task at /sandbox/tasks of the local sandbox<code>" in html
    assert "https://" not in html


@pytest.mark.parametrize(
    ("status", "columns"),
    [
        (RunStatus.UNCERTAIN, {"provider": "official"}),
        (RunStatus.UNCERTAIN, {"provider": "acedata", "task_id": "t1"}),
        (RunStatus.PROCESSING, {"provider": "acedata"}),
    ],
)
def test_what_can_be_looked_up_is_left_to_kling_nb(
    studio, status: RunStatus, columns: dict[str, str]
) -> None:
    assert RunCard(studio.run(status, **columns)).state["check"] is None


def test_the_saved_card_of_a_lost_answer_says_so(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "kling_nb.widgets.card.CellOutput",
        lambda first: SimpleNamespace(replace=shown.append) if not shown.append(first) else None,
    )
    run = studio.run(provider="acedata", external_task_id=None)
    card = RunCard(run).show()
    run.set_columns(status=RunStatus.UNCERTAIN)
    card._on_change(run)
    card._on_change(run)
    assert len(shown) == 2, "replaced once"
    assert "%kling attach" in shown[-1]["text/html"] and WIDGET_TYPE in shown[-1]
    run.set_columns(status=RunStatus.FAILED, task_id="t1")
    card._on_change(run)
    assert "%kling attach" not in shown[-1]["text/html"]


def test_fields_without_a_column_are_shown_too(studio) -> None:
    asked = {"video_list": [{"video_url": "https://x.example/a.mp4"}], "upstream": "fal"}
    rows = dict(RunCard(studio.run(request=asked)).state["params"])
    assert rows["upstream"] == "fal" and "a.mp4" in rows["video_list"]

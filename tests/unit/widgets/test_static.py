"""What stays in the saved notebook: everything escaped, the poster inside, the video by relative link."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_nb.domain.task import RunStatus
from kling_nb.errors import TaskFailed
from kling_nb.widgets.state import is_final, state_of
from kling_nb.widgets.static import POSTER_LIMIT, static_card

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"
KNOWN_TAGS = {
    "div", "style", "span", "p", "a", "img", "video", "details", "summary", "pre", "code", "dl", "dt", "dd",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects elements and visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def first(self, name: str) -> dict[str, str | None]:
        return next(
            attributes for _, attributes in self.tags if name in (attributes.get("class") or "").split()
        )


def card(run: Any, **options: Any) -> str:
    return static_card(state_of(run, embed_cap_bytes=8_000_000, root=None), **options)


def test_every_text_is_escaped(studio) -> None:
    run = studio.run(
        prompt=EVIL, name=EVIL, note=EVIL, tags=[EVIL], notices=[EVIL], model_name=EVIL, negative_prompt=EVIL,
        provider=EVIL, service_status=EVIL,
    )  # fmt: skip
    run.set_message(EVIL)
    run.settle(TaskFailed(EVIL, EVIL, EVIL))
    html = card(run, video_url=EVIL)
    read = Reader(html)
    assert {tag for tag, _ in read.tags} <= KNOWN_TAGS
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    assert EVIL in read.text


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.text())
def test_no_prompt_makes_an_element(studio, prompt: str) -> None:
    read = Reader(card(studio.run(prompt=prompt)))
    assert {tag for tag, _ in read.tags} <= KNOWN_TAGS


def test_finished_card_has_player_poster_cost_and_time(studio) -> None:
    read = Reader(
        card(studio.finished(), poster=b"\xff\xd8\xff poster", video_url="kling_runs/media/clip.mp4")
    )
    assert read.first("kn-card")["data-status"] == "succeeded"
    video = read.first("kn-video")
    assert video["src"] == "kling_runs/media/clip.mp4"
    assert base64.b64decode(str(video["poster"]).partition(",")[2]) == b"\xff\xd8\xff poster"
    assert str(read.first("kn-poster")["src"]).startswith("data:image/jpeg;base64,")
    for part in ("1.5 units deducted", "1:05", "the boat drifts", "kn.submit(", "r-2mta0000test"):
        assert part in read.text


def test_a_large_picture_stays_out_of_the_notebook_file(studio) -> None:
    html = card(studio.run(), poster=b"\xff\xd8\xff" + bytes(POSTER_LIMIT))
    assert "<img" not in html
    assert len(html) < 12_000


def test_failed_card_has_the_reason_and_no_player(studio) -> None:
    run = studio.run(RunStatus.FAILED)
    run.settle(TaskFailed("The task failed.", "It says: risk control.", "Change the prompt."))
    read = Reader(card(run))
    assert read.first("kn-card")["data-status"] == "failed"
    for line in ("The task failed.", "It says: risk control.", "Change the prompt."):
        assert line in read.text
    assert "video" not in {tag for tag, _ in read.tags}


def test_between_the_services_end_and_the_file_it_says_downloading(studio) -> None:
    run = studio.run()
    run.set_columns(status=RunStatus.SUCCEEDED)
    state = state_of(run, embed_cap_bytes=1, root=None)
    assert state["status"] == "downloading"
    assert not state["final"]


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (RunStatus.CREATED, False),
        (RunStatus.PROCESSING, False),
        (RunStatus.UNCERTAIN, False),
        (RunStatus.FAILED, True),
    ],
)
def test_final_means_that_nothing_changes_by_itself(studio, status: RunStatus, final: bool) -> None:
    assert is_final(studio.run(status)) is final


def test_a_finished_run_whose_file_was_removed_is_not_final(studio) -> None:
    run = studio.finished()
    assert is_final(run)
    (studio.keeper.home / "media" / "clip.mp4").unlink()
    assert not is_final(run)


def test_a_call_that_cannot_be_rebuilt_does_not_break_the_card(
    studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(studio.keeper), "code_of", lambda self, record: 1 / 0)
    assert "cannot be rebuilt: ZeroDivisionError" in card(studio.run())

"""The report as a file: what is in it, what can be left out, what it may do."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from clip_shelf import shelf
from made_scores import made_scores

from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError, UsageError
from kling_nb.runlog import RunRecord
from kling_nb.session import Session
from kling_nb.widgets.report.functions import report

SECRET = "only-mine"
BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Four clips of two prompts, two of them rated, and a failure."""
    home = tmp_path_factory.mktemp("report") / "kling_runs"
    shelf(
        home, 4, clips=({"frames": 12}, {"frames": 24}),
        prompt=lambda n: f"{SECRET} {'left' if n % 2 else 'right'}",
        rating=lambda n: n + 1 if n < 2 else None, kept=lambda n: n == 1 if n < 2 else None,
        actual_units=Decimal("1.5"), cfg_scale=lambda n: 0.3 + 0.4 * (n % 2), note=SECRET, tags=[SECRET],
        variables=lambda n: {"cfg_scale": 0.3 + 0.4 * (n % 2), "prompt": SECRET + str(n % 2)},
        image_source=f"/home/{SECRET}/boat.png", task_id=SECRET, name=SECRET,
        request={"model_name": "kling-v2-6", "prompt": SECRET}, video_sha256="a" * 64,
    )  # fmt: skip
    with Session("sandbox", home) as session:
        for run_id, flags in zip(session.log.frame()["id"][:2], (("frozen",), ("leak",)), strict=True):
            session.log.put_scores(str(run_id), made_scores(SECRET, flags=flags, notes=(SECRET,)))
        session.log.insert(
            RunRecord(
                status=RunStatus.FAILED,
                provider="sandbox",
                model_name="kling-v1",
                created_at=BEGIN,
                error_code="1301",
                error_message=SECRET,
                prompt=SECRET,
            )
        )
        yield session


class Page(HTMLParser):
    """Addresses, metas, and the text outside of style and script."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.metas, self.seen, self.tags = [], {}, [], []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        self.addresses += [found[name] for name in ("src", "href", "poster", "action") if name in found]
        if tag == "meta":
            self.metas[found.get("http-equiv") or found.get("name") or "charset"] = found.get("content")
        if tag in ("style", "script"):
            self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if not self._inside:
            self.seen.append(data)


def read(path):
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("week.pdf", {}, "HTML"),
        ("week.html", {"videos": "inline"}, "embed, link, none"),
        ("week.html", {"videos": "link", "metadata": False}, "cannot link"),
        ("week.html", {"cap_mb": -1}, "no size"),
        ("week.html", {"cap_mb": float("nan")}, "no size"),
        ("week.html", {"runs": 7}, "names no runs"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(session, tmp_path, name, options, told):
    with pytest.raises(InputError, match=told):
        report(tmp_path / name, session=session, **options)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_grouping_names_close_ones(session, tmp_path):
    with pytest.raises(UsageError, match="model_name"):
        report(tmp_path / "week.html", by="model_nam", session=session)


def test_everything_is_in_the_one_file(session, tmp_path):
    page = read(report(tmp_path / "week.html", title="Week", session=session))
    assert {address.partition(",")[0] for address in page.addresses} == {
        "data:image/jpeg;base64", "data:video/mp4;base64",
    }  # fmt: skip
    clips = [found for tag, found in page.tags if tag == "video"]
    assert len(clips) == 4
    held = {hashlib.sha256(base64.b64decode(clip["src"].partition(",")[2])).hexdigest() for clip in clips}
    files = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (session.home / "media").glob("*.mp4")}
    assert held == files
    assert sorted(int(clip["data-frames"]) for clip in clips) == [12, 12, 24, 24]
    assert not [tag for tag, found in page.tags if "style" in found or any(n.startswith("on") for n in found)]


def test_the_page_may_run_its_own_script_and_nothing_else(session, tmp_path):
    text = report(tmp_path / "week.html", session=session).read_text(encoding="utf-8")
    policy = read(tmp_path / "week.html").metas["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for kind in ("script", "style"):
        (inside,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_summary_says_what_came_of_it(session, tmp_path):
    text = " ".join(" ".join(read(report(tmp_path / "a.html", session=session)).seen).split())
    assert "runs 5 succeeded 4 of 5" in text
    assert "1.50 ± 0.71 (n = 2)" in text
    assert "6 units" in text
    by = " ".join(" ".join(read(report(tmp_path / "b.html", by="model", session=session)).seen).split())
    assert "By model" in by


def test_scores_stand_with_their_clips_and_runs_can_be_sorted_by_them(session, tmp_path):
    text = report(tmp_path / "r.html", session=session).read_text(encoding="utf-8")
    assert text.count('<span class="flag"') == 2
    assert text.count("path error 0.42 % · gain 0.81") == 2
    assert '<option value="score:path_error">best path error</option>' in text
    assert "score:end_match" not in text, "no run has it"
    assert text.count("&#34;path_error&#34;: -0.416") == 2
    flattered = [set(found.split()) for found in re.findall('data-flattered="([^"]+)"', text)]
    assert len(flattered) == 1
    assert "flicker" in flattered[0]


def test_links_are_relative_to_the_report(session, tmp_path):
    target = session.home.parent / "reports" / "week 1.html"
    clips = [
        found for tag, found in read(report(target, videos="link", session=session)).tags if tag == "video"
    ]
    assert {clip["src"].partition("/media/")[0] for clip in clips} == {"../kling_runs"}
    assert all((target.parent / clip["src"]).is_file() for clip in clips)


def test_clips_beyond_the_cap_show_their_poster_and_it_is_said(session, tmp_path):
    size = min(path.stat().st_size for path in (session.home / "media").glob("run-*.mp4"))
    page = read(report(tmp_path / "week.html", cap_mb=(size + 1) / 1e6, session=session))
    assert [tag for tag, _ in page.tags].count("video") == 1
    assert [tag for tag, _ in page.tags].count("img") == 4
    assert "1 of 4 clips are in this file" in "".join(page.seen)
    none = read(report(tmp_path / "none.html", videos="none", session=session))
    assert [tag for tag, _ in none.tags].count("video") == 0
    assert "exceed" not in "".join(none.seen)


@pytest.mark.parametrize("by", [None, "prompt", "cfg_scale"])
def test_without_metadata_no_words_of_anybody_are_left(session, tmp_path, by):
    whole = report(tmp_path / "whole.html", by=by, session=session).read_text(encoding="utf-8")
    assert whole.count(SECRET) > 20
    bare = report(tmp_path / "bare.html", by=by, metadata=False, session=session).read_text(encoding="utf-8")
    assert SECRET not in bare
    assert not [run_id for run_id in session.runs()["id"] if run_id in bare]
    assert "Run 5" in bare
    assert "kling-v2-6" in bare


def test_a_sweep_is_summed_up_by_its_own_prompts_not_by_what_was_filled_in(session, tmp_path):
    class Swept:
        frame = session.runs(status="succeeded").assign(prompt_variant="the boat, {{light}} light")

    page = read(report(tmp_path / "week.html", Swept(), by="prompt", session=session))
    text = " ".join(" ".join(page.seen).split())
    assert "the boat, {{light}} light 4 4 of 4" in text


def test_a_part_of_the_runs_in_its_order(session, tmp_path):
    frame = session.runs(rating=[1, 2]).sort_values("rating")
    page = read(report(tmp_path / "week.html", frame, session=session))
    assert [found["data-rating"] for tag, found in page.tags if tag == "li"] == ["1", "2"]


def test_no_runs_make_an_empty_report(session, tmp_path):
    page = read(report(tmp_path / "week.html", [], session=session))
    assert [tag for tag, _ in page.tags].count("li") == 0

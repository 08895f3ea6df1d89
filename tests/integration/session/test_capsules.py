"""A capsule goes from one home to another: the clip is there, the request is the same, nothing leaks."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish

from kling_nb.domain.scores import ObjectScores, Scores
from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.magics.call import read_call
from kling_nb.runlog import RunRecord
from kling_nb.session import MotionBrush, Session
from kling_nb.session.capsule import capsule, open_capsule
from kling_nb.session.capsule.scores import IMPORTED, scores_of


@pytest.fixture
def elsewhere(make_session: Any, tmp_path: Path) -> Session:
    """Another person's home at the same sandbox."""
    session: Session = make_session(home=tmp_path / "other" / "runs")
    return session


def brushed(session: Session, picture: np.ndarray, folder: Path, **more: Any) -> Any:
    """A finished run with a picture from a file, a brush in words, and a person's own words."""
    from PIL import Image

    path = folder / "boat.png"
    Image.fromarray(picture).save(path)
    mask = np.zeros(picture.shape[:2], bool)
    mask[100:200, 100:200] = True
    brush = MotionBrush(path).dynamic(mask, [(150, 150), (300, 150)], label="boat")
    given = {"prompt": "a ship", "way": "words", "name": "mine", "tags": ["sea"], "note": "look", **more}
    run = finish(session.submit(path, brush=brush, callback_url="https://hook.example/secret-token", **given))
    return run.annotate(rating=4)


@pytest.mark.parametrize("way", ["words", "endframe"])
def test_the_other_home_gets_the_clip_and_makes_the_same_request(
    session: Session, elsewhere: Session, picture: np.ndarray, tmp_path: Path, sandbox: Any, way: str
) -> None:
    run = brushed(session, picture, tmp_path, way=way)
    path = capsule(run, tmp_path / "boat.zip", session=session)
    before = len(sandbox.tasks())
    opened = open_capsule(path, session=elsewhere)
    got = opened.run
    assert got.video is not None and run.video is not None
    assert got.video.read_bytes() == run.video.read_bytes()
    assert got.poster is not None
    assert got.sidecar is not None
    assert (got.status, got.complete, got.rating, got.record.note) == (RunStatus.SUCCEEDED, True, 4, "look")
    assert got.tags == ("sea", "imported")
    assert got.brush == run.brush
    assert got.task_id is None
    again = opened.submit()
    assert (again.reused, again.id != got.id) == (False, True)
    assert again.record.identity == run.record.identity
    assert finish(again).status is RunStatus.SUCCEEDED
    assert len(sandbox.tasks()) == before + 1
    assert opened.submit().id == again.id, "one's own run of the same request is shown again"
    assert open_capsule(path, session=elsewhere).run.id == got.id, "opened twice, it is one run"


def test_scores_go_along_with_the_clip(
    session: Session, elsewhere: Session, picture: np.ndarray, tmp_path: Path
) -> None:
    run = brushed(session, picture, tmp_path)
    boat = ObjectScores(
        "boat", {"gain": 0.5}, 0.9, asked=((1.0, 2.0),), measured=((1.5, 2.25),), times=(0.0,)
    )
    digest = run.record.video_sha256
    made = Scores(
        1, digest, "d", {"gain": 0.5}, confidence={"gain": 0.9}, flags=("short",), objects=(boat,),
        why={"leak": "no static mask"}, size=(640, 512), fps=24.0, frames=120, duration_s=5.0,
        curves={"times": (0.0, 1.0), "leak": (None, 1.5)}, leak_map=((None, 1.0),), notes=("soft",),
    )  # fmt: skip
    session.log.put_scores(run.id, made)
    path = capsule(run, tmp_path / "boat.zip", session=session)
    got = open_capsule(path, session=elsewhere).run
    found = elsewhere.log.scores_of([got.id])[got.id]
    assert found == replace(made, notes=("soft", IMPORTED))
    assert elsewhere.runs(gain=("<", 0.6))["id"].tolist() == [got.id]
    own = replace(made, values={"gain": 0.75})
    elsewhere.log.put_scores(got.id, own)
    open_capsule(path, session=elsewhere)
    assert elsewhere.log.scores_of([got.id])[got.id] == own, "what was measured here stays"


HONEST = Scores(1, "f" * 64, "d", {"gain": 0.5}, objects=(ObjectScores("boat", {}, 0.5),)).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"clip_sha256": "e" * 64},
        {"version": 2**31},
        {"version": "new"},
        {"values": {"gain": float("nan")}},
        {"values": {"gain": "high"}},
        {"values": [1]},
        {"curves": {"leak": [0.0] * 100_000}},
        {"objects": [{"label": "boat"}]},
        {"objects": 7},
        {"size": [1]},
        {"frames": float("inf")},
    ],
)
def test_scores_that_cannot_be_are_left_out(change: dict[str, Any]) -> None:
    row = json.loads(json.dumps(HONEST))
    assert scores_of(row, "f" * 64) is not None
    assert scores_of(row | change, "f" * 64) is None
    assert scores_of([], "f" * 64) is None


def test_the_home_it_came_from_has_the_run_already(
    session: Session, picture: np.ndarray, tmp_path: Path
) -> None:
    run = brushed(session, picture, tmp_path)
    opened = open_capsule(capsule(run, tmp_path / "boat.zip", session=session), session=session)
    assert opened.run.id != run.id
    assert opened.submit().id == run.id


def test_what_others_paid_counts_nowhere(
    session: Session, elsewhere: Session, picture: np.ndarray, tmp_path: Path
) -> None:
    run = brushed(session, picture, tmp_path)
    elsewhere.budget("day", 0.5)
    opened = open_capsule(capsule(run, tmp_path / "boat.zip", session=session), session=elsewhere)
    assert elsewhere.spent().empty
    assert elsewhere.budget()["spent"].sum() == 0
    assert elsewhere.unfinished() == []
    assert any("imported from boat.zip" in notice and run.id in notice for notice in opened.run.notices)
    assert opened.run.video is not None
    opened.run.video.unlink()
    assert opened.run.follow().following is False


def test_nothing_in_it_names_this_machine_or_account(
    session: Session, picture: np.ndarray, tmp_path: Path
) -> None:
    run = brushed(session, picture, tmp_path)
    path = capsule(run, tmp_path / "boat.zip", session=session)
    with zipfile.ZipFile(path) as archive:
        held = b"".join(
            name.encode() + archive.read(name) for name in archive.namelist() if name != "video.mp4"
        )
        names = set(archive.namelist())
    assert {"capsule.json", "cell.txt", "video.mp4", "poster.jpg", "brush/brush.json"} <= names
    secrets = [str(tmp_path), run.task_id, run.external_task_id, run.record.video_id, run.record.base_url]
    secrets += ["secret-token", Path.home().as_posix() + "/", run.record.video_url]
    for secret in filter(None, secrets):
        assert secret.encode() not in held, secret
    assert b"boat.png" in held


def test_its_cell_works_where_the_file_is_unpacked(
    session: Session, picture: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = brushed(session, picture, tmp_path)
    with zipfile.ZipFile(capsule(run, tmp_path / "boat.zip", session=session)) as archive:
        archive.extractall(tmp_path / "unpacked")
    monkeypatch.chdir(tmp_path / "unpacked")
    first, _, body = Path("cell.txt").read_text().partition("\n")
    call = read_call(first.removeprefix("%%kling "), body, {})
    assert call.image is not None
    assert Path(call.image.text).is_file()
    again = session.submit(
        call.image.text, call.prompts[0], brush=MotionBrush.load(call.brush or ""), way=call.way,
        provider=call.provider, **dict(call.fields),
    )  # fmt: skip
    assert again.id == run.id


def test_a_run_without_a_clip_makes_no_capsule(session: Session, tmp_path: Path) -> None:
    run = session.log.insert(RunRecord(status=RunStatus.FAILED, provider="sandbox")).id
    with pytest.raises(InputError, match="no video"):
        capsule(run, tmp_path / "boat.zip", session=session)
    assert not (tmp_path / "boat.zip").exists()


# --- hostile files ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a small capsule, built by hand: a clip from words alone."""
    import hashlib

    members = {"cell.txt": b"%%kling\n\na ship\n", "video.mp4": b"\0\0\0\x18ftypisom" + bytes(100)}
    files = {n: {"sha256": hashlib.sha256(d).hexdigest(), "bytes": len(d)} for n, d in members.items()}
    request = {"model_name": "kling-v2-6", "prompt": "a ship", "duration": 5, "mode": "std"}
    about = {
        "schema": "kling_nb/capsule/1",
        "run": {"provider": "sandbox"},
        "request": request,
        "files": files,
    }
    return {"capsule.json": json.dumps(about).encode(), **members}


def packed(path: Path, members: dict[str, bytes], pack: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", pack) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def about_with(honest: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    about = json.loads(honest["capsule.json"])
    for place, value in changes.items():
        target, _, name = place.rpartition("__")
        (about[target] if target else about)[name] = value
    return honest | {"capsule.json": json.dumps(about).encode()}


def refusal(path: Path, home: Session) -> str:
    before = sorted(str(each) for each in home.home.parent.rglob("*"))
    with pytest.raises(InputError) as refused:
        open_capsule(path, session=home)
    assert home.runs().empty
    left = [each for each in home.home.rglob("*") if each.is_file() and "runs.sqlite" not in each.name]
    assert left == [], "nothing was taken over"
    assert [each for each in before if not Path(each).exists()] == []
    return str(refused.value)


@pytest.fixture
def home(tmp_path: Path) -> Any:
    with Session(provider="sandbox", home=tmp_path / "home" / "runs") as session:
        yield session


def test_the_honest_one_opens(honest: dict[str, bytes], home: Session, tmp_path: Path) -> None:
    opened = open_capsule(packed(tmp_path / "c.zip", honest), session=home)
    assert (opened.run.prompt, opened.run.record.form) == ("a ship", "text2video")
    assert "a ship" in opened.cell


NAMES = [
    "../evil.txt", "/etc/evil", "inputs/../../evil.png", "..\\evil.txt", "C:\\evil.txt", "inputs/",
    "evil.txt", "inputs/" + "A" * 64 + ".png", "video.mp4/x", "VIDEO.MP4", "brush/../x.png",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_other_names_are_refused(honest: dict[str, bytes], home: Session, tmp_path: Path, name: str) -> None:
    assert "a member called" in refusal(packed(tmp_path / "c.zip", honest | {name: b"x"}), home)


def test_a_name_with_a_nul_and_a_name_twice(honest: dict[str, bytes], home: Session, tmp_path: Path) -> None:
    for name, told in ((b"cell.txt\0aaa", "a member called"), (b"video.mp4", "two members called")):
        stand_in = "x" * len(name)
        data = packed(tmp_path / "c.zip", honest | {stand_in: b"x"}).read_bytes()
        (tmp_path / "d.zip").write_bytes(data.replace(stand_in.encode(), name))
        assert told in refusal(tmp_path / "d.zip", home)


def test_a_link_is_refused(honest: dict[str, bytes], home: Session, tmp_path: Path) -> None:
    path = tmp_path / "c.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in honest.items():
            info = zipfile.ZipInfo(name)
            if name == "cell.txt":
                info.external_attr = 0o120777 << 16
            archive.writestr(info, data)
    assert "is a link" in refusal(path, home)


def test_a_bomb_is_refused_unread(honest: dict[str, bytes], home: Session, tmp_path: Path) -> None:
    bomb = honest | {"cell.txt": bytes(3_000_000)}
    assert "enormous" in refusal(packed(tmp_path / "c.zip", bomb, zipfile.ZIP_DEFLATED), home)
    large = honest | {"capsule.json": os.urandom(4_000_001)}
    assert "more than it can have" in refusal(packed(tmp_path / "d.zip", large), home)


def test_a_lie_about_a_size_is_found(honest: dict[str, bytes], home: Session, tmp_path: Path) -> None:
    for size in (0, 111, 113):
        row = {"sha256": json.loads(honest["capsule.json"])["files"]["video.mp4"]["sha256"], "bytes": size}
        changed = about_with(honest, files__x=None)
        about = json.loads(changed["capsule.json"])
        del about["files"]["x"]
        about["files"]["video.mp4"] = row
        path = packed(tmp_path / f"{size}.zip", honest | {"capsule.json": json.dumps(about).encode()})
        assert "not what capsule.json says" in refusal(path, home)


def test_a_changed_video_is_refused(honest: dict[str, bytes], home: Session, tmp_path: Path) -> None:
    changed = honest | {"video.mp4": honest["video.mp4"][:-1] + b"x"}
    assert "changed or damaged" in refusal(packed(tmp_path / "c.zip", changed), home)


def test_huge_counts_are_refused_before_they_are_read(
    honest: dict[str, bytes], home: Session, tmp_path: Path
) -> None:
    many = honest | {f"brush/mask-{number}.png": b"" for number in range(3000)}
    assert "3003 members" in refusal(packed(tmp_path / "c.zip", many), home)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "no zip"),
        (b"PK", "no zip"),
        (b"PK\x05\x06" + bytes(18), "no capsule.json"),
        (b"x" * 5000, "no zip"),
    ],
    ids=["empty", "two letters", "empty zip", "rubbish"],
)
def test_what_is_no_zip_is_said_so(home: Session, tmp_path: Path, text: bytes, told: str) -> None:
    (tmp_path / "c.zip").write_bytes(text)
    assert told in refusal(tmp_path / "c.zip", home)


def test_a_missing_file_and_a_cut_one(honest: dict[str, bytes], home: Session, tmp_path: Path) -> None:
    assert "There is no capsule" in refusal(tmp_path / "none.zip", home)
    whole = packed(tmp_path / "c.zip", honest).read_bytes()
    for share in (0.2, 0.5, 0.9, 0.99):
        (tmp_path / "cut.zip").write_bytes(whole[: int(len(whole) * share)])
        assert refusal(tmp_path / "cut.zip", home)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "kling_nb/capsule/2"},
        {"schema": None},
        {"files": []},
        {"request": None},
        {"request": {"model_name": "m", "surprise": 1}},
        {"request__image": {"sha256": "../../../etc/passwd", "bytes": 1}},
        {"request__image": {"url": "file:///etc/passwd"}},
        {"request__dynamic_masks": [{"mask": {"sha256": "ab" * 32}}]},
        {"request__duration": "many"},
        {"brush": {"size": [1e9, "x"]}},
        {"brush": {"size": [4, 4], "static_mask": {"sha256": "ab" * 32}}},
    ],
    ids=str,
)
def test_a_description_that_cannot_be_is_refused(
    honest: dict[str, bytes], home: Session, tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert refusal(packed(tmp_path / "c.zip", about_with(honest, **changes)), home)


def test_values_of_the_wrong_kind_are_left_out(
    honest: dict[str, bytes], home: Session, tmp_path: Path
) -> None:
    run = {
        "provider": "../x", "name": ["n"], "note": "n" * 100_000, "tags": "abc", "rating": 99, "kept": "yes",
        "variables": {"a": {"b": 1}, "c": 1}, "video_duration": 1e400, "created_at": "yesterday",
        "finished_at": "0001-01-01T00:00:00+00:00", "id": "../../x", "purse": "real", "task_id": "1",
        "status": "processing", "forced": True, "actual_units": "NaN", "owner": "me", "identity": "x",
    }  # fmt: skip
    changed = about_with(
        honest, run=run, request__callback_url="https://x.example", options={"brush_way": "x"}
    )
    record = open_capsule(packed(tmp_path / "c.zip", changed), session=home).run.record
    assert (record.provider, record.name, record.rating, record.kept, record.purse) == (
        None,
        None,
        None,
        None,
        "imported",
    )
    assert (record.status, record.task_id, record.forced, record.callback_url) == (
        "succeeded",
        None,
        False,
        None,
    )
    assert (record.variables, record.tags, len(record.note or "")) == ({"c": 1}, ["imported"], 20_000)
    assert record.id.startswith("r-")

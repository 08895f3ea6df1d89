"""From what a person writes to a request: refusals first, all of them at once, nothing on disk."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kling_nb import media, settings
from kling_nb.domain.brush import Mask
from kling_nb.errors import InputError, KlingError, MediaError, RequestRefused, SettingsError
from kling_nb.session import MotionBrush, Session

MASK = np.zeros((320, 400), dtype=bool)
MASK[100:160, 100:160] = True
PATH = [(130, 130), (300, 200)]


def ids(problems: Any) -> set[str]:
    return {problem.id for problem in problems}


@pytest.fixture
def brush(picture: np.ndarray) -> MotionBrush:
    return MotionBrush(picture).dynamic(MASK, PATH)


@pytest.mark.parametrize(
    ("params", "rules"),
    [
        ({"modle": "kling-v1"}, {"L24"}),
        ({"model": "kling-v1", "model_name": "kling-v1-5"}, {"L24"}),
        ({"duration": "a while"}, {"L24"}),
        ({"cfg": 2, "duration": 7, "camera": "zoom=99"}, {"L01", "L15", "L22"}),
        ({"sound": "on", "mode": "std", "model": "kling-v2-6"}, {"L01"}),
        ({"brush": "boat"}, {"L24"}),
        ({"dynamic_masks": [{"mask": MASK}], "units": "pixel"}, {"L06"}),
        ({"freeze": np.zeros((320, 320), dtype=bool)}, {"L12"}),
    ],
)
def test_everything_wrong_is_found_at_once(
    session: Session, picture: np.ndarray, params: dict[str, Any], rules: set[str]
) -> None:
    prepared = session.build(picture, "a boat", **params)
    assert rules <= ids(prepared.blocking)
    with pytest.raises(RequestRefused) as refused:
        session.submit(picture, "a boat", **params)
    assert rules <= ids(refused.value.problems)
    assert not session.home.exists()


def test_one_bad_mask_does_not_hide_the_others(session: Session, picture: np.ndarray) -> None:
    square = np.zeros((320, 320), dtype=bool)
    found = session.check(
        picture,
        "a boat",
        freeze=square,
        dynamic_masks=[{"mask": square, "trajectories": PATH}, {"mask": MASK}],
        units="pixel",
        brush="boat",
    )
    assert sorted((p.id, p.field) for p in found if p.blocks and p.id in ("L06", "L12")) == [
        ("L06", "dynamic_masks"),
        ("L12", "dynamic_masks"),
        ("L12", "static_mask"),
    ]
    assert any("no motion brush" in p.message for p in found)


def test_a_bad_mask_beside_a_brush_leaves_the_brush(
    session: Session, picture: np.ndarray, brush: MotionBrush
) -> None:
    square = np.zeros((320, 320), dtype=bool)
    prepared = session.build(picture, "a boat", freeze=square, brush=brush, provider="sandbox")
    assert "L12" in ids(prepared.blocking)
    assert len(prepared.request.dynamic_masks) == 1


def test_points_of_the_wire_are_drawn_as_their_origin_says(session: Session, picture: np.ndarray) -> None:
    """With the escape hatch y grows downward; what is sent is what was given, either way."""
    groups = [{"mask": MASK, "trajectories": [[120, 10], [200, 20]]}]

    def built(**given: Any) -> Any:
        return session.build(
            picture, "a boat", dynamic_masks=groups, units="wire", provider="sandbox", **given
        )

    bottom, top = built(), built(y_origin="top")
    height = picture.shape[0]
    assert bottom.request.dynamic_masks[0].trajectory.pixels[0].tolist() == [120, height - 1 - 10]
    assert top.request.dynamic_masks[0].trajectory.pixels[0].tolist() == [120, 10]
    for prepared in (bottom, top):
        assert prepared.body()["dynamic_masks"][0]["trajectories"][0] == {"x": 120, "y": 10}


def test_a_model_newer_than_the_table_can_be_allowed(session: Session, picture: np.ndarray) -> None:
    assert "L01" in ids(session.build(picture, "a boat", model="kling-v9").blocking)
    allowed = session.build(picture, "a boat", model="kling-v9", allow_unknown_model=True)
    assert not allowed.blocking
    assert "L01" in ids(allowed.problems)


def test_no_picture(session: Session) -> None:
    assert "L03" in ids(session.check(prompt="a boat"))


def test_force_passes_what_only_the_service_would_refuse(session: Session, brush: MotionBrush) -> None:
    prepared = session.build(brush=brush, prompt="a boat", model="kling-v1", mode="pro")
    assert "L26" in ids(prepared.blocking)
    prepared.check(force=True)


def test_force_never_passes_a_limit_or_nonsense(picture: np.ndarray, tmp_path: Path) -> None:
    with Session("official", tmp_path / "runs", api_key="key", clip_limit_units=Decimal(1)) as session:
        with pytest.raises(RequestRefused, match="L32"):
            session.build(picture, "a boat").check(force=True)
        with pytest.raises(RequestRefused, match="L24"):
            session.build(picture, "a boat", modle="x").check(force=True)


def test_a_picture_is_read_when_built(session: Session, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nowhere"):
        session.build(tmp_path / "nowhere.png", "a boat")


def test_defaults_are_written_out(session: Session, picture: np.ndarray) -> None:
    request = session.build(picture, "a boat").request
    assert (request.model_name, request.mode, request.duration) == ("kling-v2-5-turbo", "std", 5)
    assert session.build(picture, "a boat").body()["model_name"] == "kling-v2-5-turbo"


def test_the_sandbox_has_a_brush_model_by_default(session: Session, brush: MotionBrush) -> None:
    request = session.build(brush=brush, prompt="a boat", provider="sandbox").request
    assert (request.model_name, request.mode) == ("kling-v1", "pro")


def test_a_default_negative_prompt_from_the_settings(picture: np.ndarray, tmp_path: Path) -> None:
    with Session("official", tmp_path / "runs", api_key="key", negative="blur") as session:
        assert session.build(picture, "a boat").request.negative_prompt == "blur"
        assert session.build(picture, "a boat", negative="rain").request.negative_prompt == "rain"


@pytest.mark.parametrize("how", ["brush only", "as image", "pad", "lists"])
def test_a_brush_in_every_form_is_the_same_request(
    session: Session, picture: np.ndarray, brush: MotionBrush, how: str
) -> None:
    class Pad:
        """A drawing widget as the session sees it."""

        def __init__(self) -> None:
            self.brush, self.image = brush, picture

    given: dict[str, Any] = {
        "brush only": {"brush": brush},
        "as image": {"image": brush},
        "pad": {"image": picture, "brush": Pad()},
        "lists": {
            "image": picture,
            "dynamic_masks": [{"mask": MASK, "trajectories": PATH}],
            "units": "pixel",
        },
    }[how]
    wanted = session.build(picture, "a boat", brush=brush, provider="sandbox")
    assert session.build(prompt="a boat", provider="sandbox", **given).identity == wanted.identity


def test_brush_and_freeze_are_joined_and_contradictions_told(
    session: Session, picture: np.ndarray, brush: MotionBrush
) -> None:
    joined = session.build(picture, "a boat", brush=brush, freeze=~MASK, provider="sandbox")
    assert joined.request.static_mask == Mask(~MASK)
    assert not joined.blocking
    both = session.build(picture, "a boat", brush=brush.static(MASK), freeze=~MASK, provider="sandbox")
    assert "both the brush and static_mask" in " ".join(p.message for p in both.blocking)


def test_a_brush_for_a_picture_at_an_address_needs_a_size(session: Session) -> None:
    with pytest.raises(RequestRefused, match="needs a picture on this machine"):
        MotionBrush("https://example.com/boat.jpg")
    brush = MotionBrush(size=(400, 320)).dynamic(MASK, PATH)
    prepared = session.build("https://example.com/boat.jpg", "a boat", brush=brush, provider="sandbox")
    body = prepared.body()
    assert body["image"] == "https://example.com/boat.jpg"
    assert body["dynamic_masks"][0]["trajectories"][0] == {"x": 130, "y": 189}


def test_identity_knows_what_matters(session: Session, picture: np.ndarray) -> None:
    base = session.build(picture, "a boat").identity
    same = [
        session.build(picture, "a boat", external_task_id="mine"),
        session.build(media.image_bytes(picture), "a boat", mode="standard", duration="5s"),
        session.build(picture, "a boat", callback_url="https://example.com/hook"),
    ]
    other = [
        session.build(picture, "a ship"),
        session.build(picture, "a boat", duration=10),
        session.build(picture[::-1], "a boat"),
        session.build(picture, "a boat", provider="sandbox"),
    ]
    assert {prepared.identity for prepared in same} == {base}
    assert base not in {prepared.identity for prepared in other}


def test_a_test_server_in_the_place_of_the_official_api_is_another_place(
    picture: np.ndarray, tmp_path: Path
) -> None:
    """Its clips must never be shown as the official ones; the vendor's hosts replace one another."""

    def identity(base: str, provider: str = "official") -> str:
        with Session(
            provider, tmp_path / "runs", api_key="api-key-kling-of-a-test", api_base=base
        ) as session:
            return session.build(picture, "a boat").identity

    official = identity("https://api-singapore.klingai.com")
    assert identity("https://api.klingai.com") == official
    others = {
        identity(base) for base in ("http://127.0.0.1:9", "https://proxy.example", "https://xklingai.com")
    }
    assert len(others) == 3
    assert official not in others
    assert identity("http://127.0.0.1:9", "sandbox") == identity("https://proxy.example", "sandbox")


def test_the_body_shows_pictures_by_size_and_digest(session: Session, picture: np.ndarray) -> None:
    body = session.build(picture, "a boat").body()
    assert body["image"].startswith("<base64 ")
    assert "sha256:" in body["image"]


def test_cost_says_source_and_date(session: Session, picture: np.ndarray) -> None:
    cost = session.cost(picture, "a boat", mode="pro", duration=10)
    assert cost.units == Decimal(5)
    assert "2026-09" in str(cost)


def test_client_side_options_are_kept_apart(session: Session, picture: np.ndarray) -> None:
    prepared = session.build(picture, "a boat", timeout=30)
    assert prepared.options["timeout"] == 30
    assert "timeout" not in prepared.body()


def test_an_unknown_provider_is_refused(session: Session, picture: np.ndarray) -> None:
    with pytest.raises(SettingsError, match="kingdom"):
        session.build(picture, "a boat", provider="kingdom")


@pytest.mark.parametrize(
    ("variables", "provider", "reason"),
    [
        ({}, "sandbox", "no Kling credential found"),
        ({"KLING_API_KEY": "k"}, "official", "KLING_API_KEY"),
        ({"KLINGAI_ACCESS_KEY": "a", "KLINGAI_SECRET_KEY": "s"}, "official", "KLINGAI_ACCESS_KEY"),
        ({"KLING_API_KEY": "k", "KLING_NB_PROVIDER": "sandbox"}, "sandbox", "named in the settings"),
    ],
)
def test_the_provider_is_chosen_and_the_reason_said(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    provider: str,
    reason: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Session(home=tmp_path / "runs") as session:
        choice = session.choose_provider()
        assert choice.provider == provider
        assert reason in choice.reason


def test_official_without_credential_says_what_to_set(picture: np.ndarray, tmp_path: Path) -> None:
    with (
        Session("official", tmp_path / "runs") as session,
        pytest.raises(SettingsError, match="KLING_API_KEY"),
    ):
        session.submit(picture, "a boat")
    assert not (tmp_path / "runs").exists()


def test_a_changed_setting_holds_from_the_next_call(session: Session, picture: np.ndarray) -> None:
    settings.configure("clip_limit_units", 1)
    try:
        assert "L32" in ids(session.check(picture, "a boat"))
    finally:
        settings.configure("clip_limit_units", None)
    assert "L32" not in ids(session.check(picture, "a boat"))


@pytest.mark.parametrize("image", ["", "  "])
def test_an_empty_picture_buys_no_clip_from_words(session: Session, image: str) -> None:
    with pytest.raises(MediaError, match="No picture is named"):
        session.submit(image, "a boat drifts left")
    assert session.runs().empty


@pytest.mark.parametrize("source", [None, "", " ", 5])
def test_extending_nothing_buys_no_new_clip(session: Session, source: Any) -> None:
    with pytest.raises(InputError, match="No clip is named"):
        session.extend(source, "a boat drifts left")
    assert session.runs().empty


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"timeout": "soon"}, "timeout='soon' is no time"),
        ({"timeout": -1}, "timeout=-1 is no time"),
        ({"timeout": float("nan")}, "timeout=nan is no time"),
        ({"tags": 5}, "5 is no tag"),
        ({"tags": [""]}, "'' is no tag"),
        ({"name": 5}, "name=5 cannot be used"),
        ({"note": b"x"}, "note=b'x' cannot be used"),
        ({"sweep": 5}, "sweep=5 cannot be used"),
        ({"budget": "five"}, "'five' is no amount of money"),
        ({"provider": 5}, "no provider 5"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_is_written(
    session: Session, words: dict[str, Any], told: str
) -> None:
    with pytest.raises(KlingError, match=told) as refused:
        session.submit(prompt="a boat drifts left", **words)
    assert len(refused.value.lines()) == 3
    assert session.runs().empty


@pytest.mark.parametrize("wrong", [{"duration": "five"}, {"mode": 5}, {"modle": "kling-v1"}])
def test_a_price_of_another_clip_is_no_answer(session: Session, wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused, match="L24"):
        session.cost(prompt="a boat", **wrong)

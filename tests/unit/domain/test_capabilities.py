"""Capability, status, price and output tables against a transcription of spec/capabilities.md."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from itertools import product

import pytest

from kling_nb.domain import capabilities as cap

# spec/capabilities.md §2, transcribed by hand column by column:
# start+end, silent start+end, end only, brush, camera, audio, voice, multi-shot, elements
COLUMNS = (
    "start_end",
    "start_end_silent",
    "end_only",
    "brush",
    "camera_simple",
    "audio",
    "voice",
    "multi_shot",
    "elements",
)
ROWS = {
    ("kling-v1", "std", (5,)): "x..x.....",
    ("kling-v1", "std", (10,)): ".........",
    ("kling-v1", "pro", (5,)): "x..x.....",
    ("kling-v1", "pro", (10,)): ".........",
    ("kling-v1-5", "std", (5, 10)): ".........",
    ("kling-v1-5", "pro", (5,)): "x.xxx....",
    ("kling-v1-5", "pro", (10,)): "x.x......",
    ("kling-v1-6", "std", (5, 10)): ".........",
    ("kling-v1-6", "pro", (5, 10)): "x.x......",
    ("kling-v2-master", None, (5, 10)): ".........",
    ("kling-v2-1", "std", (5, 10)): ".........",
    ("kling-v2-1", "pro", (5, 10)): "x........",
    ("kling-v2-1-master", None, (5, 10)): ".........",
    ("kling-v2-5-turbo", "std", (5, 10)): ".........",
    ("kling-v2-5-turbo", "pro", (5, 10)): "x........",
    ("kling-v2-6", "std", (5, 10)): ".........",
    ("kling-v2-6", "pro", (5, 10)): ".x...xx..",
    ("kling-v3", "std", tuple(range(3, 16))): "x....x.xx",
    ("kling-v3", "pro", tuple(range(3, 16))): "x....x.xx",
    ("kling-v3", "4k", tuple(range(3, 16))): "x....x.xx",
}
SPEC = {
    (model, mode, seconds): {"start"} | {c for c, mark in zip(COLUMNS, marks, strict=True) if mark == "x"}
    for (model, mode, lengths), marks in ROWS.items()
    for seconds in lengths
}
MODELS = tuple(dict.fromkeys(model for model, _, _ in SPEC))


def test_the_table_holds_exactly_the_cells_of_the_specification() -> None:
    assert {(c.model, c.mode, c.duration): set(c.features) for c in cap.table()} == SPEC


@pytest.mark.parametrize(
    ("model", "mode", "seconds"), list(product(MODELS, ("std", "pro", "4k"), range(1, 20)))
)
def test_a_combination_offers_what_its_cell_says_and_nothing_otherwise(
    model: str, mode: str, seconds: int
) -> None:
    master = (model, None, 5) in SPEC
    key = (model, None if master and mode != "4k" else mode, seconds)
    assert cap.features(model, mode, seconds) == SPEC.get(key, set())


def test_no_mode_means_std_except_for_the_masters() -> None:
    assert cap.features("kling-v1-5", None, 5) == {"start"}
    assert cap.features("kling-v2-master", None, 10) == {"start"}
    assert cap.modes("kling-v2-master") == ()
    assert not cap.has_modes("kling-v2-1-master")


def test_an_unknown_model_offers_nothing() -> None:
    assert cap.features("kling-v9", "pro", 5) == frozenset()
    assert not cap.supports("kling-v9", "pro", 5, "start")


def test_end_frame_on_v2_6_pro_is_silent_only() -> None:
    assert cap.supports("kling-v2-6", "pro", 5, "start_end")
    assert cap.supports("kling-v2-6", "pro", 5, "audio")
    assert not cap.supports("kling-v2-6", "pro", 5, "start_end", "audio")
    assert cap.supports("kling-v3", "pro", 5, "start_end", "audio")


def test_alternatives_come_nearest_first() -> None:
    brush = cap.alternatives("brush", model="kling-v1-5", mode="std", duration=5)
    assert [str(c) for c in brush] == ["kling-v1-5 pro 5 s", "kling-v1 std 5 s", "kling-v1 pro 5 s"]
    tail = cap.alternatives("start_end", model="kling-v2-6", mode="std", duration=10)
    assert (tail[0].model, tail[0].mode, tail[0].duration) == ("kling-v2-6", "pro", 10)


def test_alternatives_leave_excluded_models_out() -> None:
    assert cap.alternatives("brush", exclude=("kling-v1", "kling-v1-5")) == []


def test_alternatives_are_all_accepted() -> None:
    for feature in cap.Feature:
        for cell in cap.alternatives(feature):
            assert cap.supports(cell.model, cell.mode, cell.duration, feature)


def test_cells_are_described_in_few_words() -> None:
    v3 = [c for c in cap.table() if c.model == "kling-v3" and c.mode == "pro"]
    assert cap.describe(v3) == "kling-v3 pro 3-15 s"
    assert cap.describe(c for c in cap.table() if c.model == "kling-v2-master") == "kling-v2-master 5 or 10 s"


RETIRED = ("kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1", "kling-v2-1-master")


@pytest.mark.parametrize("model", MODELS)
def test_status_on_the_official_hosts(model: str) -> None:
    assert cap.status(model).retired == (model in RETIRED)
    assert not cap.status(model, "sandbox").retired


def test_only_v1_was_seen_answering_that_it_is_discontinued() -> None:
    assert (cap.status("kling-v1").since, cap.status("kling-v1").mark) == ("2026-09-20", "observed")
    assert all(cap.status(m).mark == "unverified" for m in RETIRED[1:])
    assert all(cap.status(m).since == "2026-09-15" for m in RETIRED[1:])


@pytest.fixture
def _clean_tables() -> object:
    yield
    cap.forget_status()
    cap.forget_prices()


@pytest.mark.usefixtures("_clean_tables")
def test_a_learned_retirement_holds_for_its_provider_in_this_process() -> None:
    cap.mark_retired("kling-v2-6")
    assert cap.status("kling-v2-6").mark == "learned"
    assert "kling-v2-6" in cap.retired_models("official")
    assert "kling-v2-6" not in cap.retired_models("sandbox")


@pytest.mark.usefixtures("_clean_tables")
def test_the_user_can_correct_the_table() -> None:
    assert cap.status("kling-v1").retired
    cap.override_status("kling-v1", retired=False)
    assert (cap.status("kling-v1").retired, cap.status("kling-v1").mark) == (False, "user")


@pytest.mark.parametrize(
    ("written", "model", "mode"),
    [
        ("kling-v1.5", "kling-v1-5", None),
        ("kling-v1.6", "kling-v1-6", None),
        ("kling-v2.1", "kling-v2-1", None),
        ("kling-v2.1-master", "kling-v2-1-master", None),
        ("kling-v2.5-turbo", "kling-v2-5-turbo", None),
        ("kling-v2.6", "kling-v2-6", None),
        ("Kling-V2.6", "kling-v2-6", None),
        ("kling-3.0", "kling-v3", None),
        ("kling-2.6", "kling-v2-6", None),
        ("kling-2.5-turbo", "kling-v2-5-turbo", None),
        ("kling-3.0-omni", "kling-v3-omni", None),
        ("kling-o1", "kling-video-o1", None),
        ("kling-3.0-turbo", "kling-3.0-turbo", None),
        ("kling-video/v1/pro/image-to-video", "kling-v1", "pro"),
        ("kling-video/v1.5/standard/image-to-video", "kling-v1-5", "std"),
        ("klingai/v2-master-image-to-video", "kling-v2-master", None),
        ("klingai/video-v3-turbo-pro-image-to-video", "kling-3.0-turbo", "pro"),
        ("kling-v9", "kling-v9", None),
    ],
)
def test_model_names(written: str, model: str, mode: str | None) -> None:
    assert cap.canonical_model(written) == (model, mode)


def test_new_api_names() -> None:
    assert cap.new_api_name("kling-v3") == "kling-3.0"
    assert cap.new_api_name("kling-3.0-turbo") == "kling-3.0-turbo"
    assert cap.new_api_name("kling-v1") is None


# spec/capabilities.md §6.2, and rows of §6.1
@pytest.mark.parametrize(
    ("model", "mode", "seconds", "sound", "voice", "expected", "mark"),
    [
        ("kling-v1", "pro", 5, False, False, "3.5", "unverified"),
        ("kling-v1", "std", 10, False, False, "2", "unverified"),
        ("kling-v1-6", "std", 5, False, False, "2", "unverified"),
        ("kling-v2-master", None, 10, False, False, "20", "unverified"),
        ("kling-v2-1-master", "pro", 5, False, False, "10", "unverified"),
        ("kling-v2-5-turbo", "std", 5, False, False, "1.5", "official"),
        ("kling-v2-6", "pro", 10, True, False, "10", "official"),
        ("kling-v2-6", "pro", 5, True, True, "6", "official"),
        ("kling-v3", "std", 7, False, False, "4.2", "official"),
        ("kling-v3", "pro", 15, True, False, "18", "official"),
        ("kling-v3", "4k", 3, False, False, "9", "official"),
        ("kling-3.0-turbo", "std", 3, False, False, "2.4", "official"),
        ("kling-v3-omni", "std", 3, False, False, "1.8", "official"),
    ],
)
def test_prices(
    model: str, mode: str | None, seconds: int, sound: bool, voice: bool, expected: str, mark: str
) -> None:
    price = cap.units(model, mode, seconds, sound=sound, voice=voice)
    assert price is not None
    assert (price.units, price.mark, price.as_of) == (Decimal(expected), mark, "2026-09")


@pytest.mark.parametrize(
    ("model", "mode", "seconds", "sound"),
    [
        ("kling-v2-6", "std", 5, True),
        ("kling-v1", "pro", 7, False),
        ("kling-v1", "pro", 5, True),
        ("kling-v9", "std", 5, False),
        ("kling-v2-6", "4k", 5, False),
    ],
)
def test_a_clip_that_does_not_exist_has_no_price(model: str, mode: str, seconds: int, sound: bool) -> None:
    assert cap.units(model, mode, seconds, sound=sound) is None


def test_every_cell_of_the_table_has_a_price() -> None:
    assert all(cap.units(c.model, c.mode, c.duration) is not None for c in cap.table())


@pytest.mark.usefixtures("_clean_tables")
def test_the_user_can_override_a_price() -> None:
    cap.override_price("kling-v1", "pro", "0.6")
    price = cap.units("kling-v1", "pro", 5)
    assert price is not None
    assert (price.units, price.mark) == (Decimal("3.0"), "user")


# spec/capabilities.md §7
@pytest.mark.parametrize(
    ("size", "p720", "p1080", "k4"),
    [
        ((1920, 1080), (1280, 720), (1920, 1080), (3840, 2160)),
        ((1080, 1920), (720, 1280), (1080, 1920), (2160, 3840)),
        ((1000, 1000), (960, 960), (1440, 1440), (2880, 2880)),
        ((1024, 768), (1108, 832), (1662, 1248), (3326, 2494)),
        ((2500, 1000), (1518, 608), (2276, 910), (4554, 1822)),
        ((5000, 1000), (1518, 608), (2276, 910), (4554, 1822)),
    ],
)
def test_output_sizes(
    size: tuple[int, int], p720: tuple[int, int], p1080: tuple[int, int], k4: tuple[int, int]
) -> None:
    assert tuple(cap.output_size(*size, name) for name in ("720p", "1080p", "4k")) == (p720, p1080, k4)


@pytest.mark.parametrize(
    ("model", "mode", "seconds", "resolution", "fps", "frames", "written"),
    [
        ("kling-v1", "std", 5, "720p", 30, 153, "5.1"),
        ("kling-v1", "pro", 10, "720p", 30, 303, "10.1"),
        ("kling-v1-5", "pro", 5, "1080p", 30, 153, "5.1"),
        ("kling-v1-6", "std", 5, "720p", 30, 153, "5.1"),
        ("kling-v2-master", None, 5, "720p", 24, 121, "5.041"),
        ("kling-v2-1-master", "std", 10, "1080p", 24, 241, "10.041"),
        ("kling-v2-5-turbo", "std", 5, "720p", 24, 121, "5.041"),
        ("kling-v2-5-turbo", "pro", 5, "1080p", 24, 121, "5.041"),
        ("kling-v3", "std", 3, "720p", 24, 73, "3.041"),
        ("kling-v3", "4k", 10, "4k", 24, 241, "10.041"),
    ],
)
def test_output_formats(
    model: str, mode: str | None, seconds: int, resolution: str, fps: int, frames: int, written: str
) -> None:
    assert cap.output_format(model, mode, seconds) == cap.OutputFormat(resolution, fps, frames, written)


def test_every_cell_of_the_table_has_an_output_format() -> None:
    assert all(cap.output_format(c.model, c.mode, c.duration) is not None for c in cap.table())
    assert cap.output_format("kling-v9", "std", 5) is None
    assert cap.output_format("kling-v1", "4k", 5) is None


@pytest.mark.parametrize(
    ("model", "expected"), [("kling-v1-6", True), ("kling-v2-1", False), ("kling-v3", False)]
)
def test_where_cfg_scale_is_documented(model: str, expected: bool) -> None:
    assert cap.cfg_scale_documented(model) is expected


def test_the_tables_load_without_any_request_code() -> None:
    code = (
        "import sys; import kling_nb.domain.capabilities; "
        "print([m for m in sys.modules if m.startswith('kling_nb.domain.') and 'capabilities' not in m "
        "or m in ('pydantic', 'numpy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

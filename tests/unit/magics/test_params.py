"""``--param``: values as JSON, text or files; what cannot be read shows the place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.errors import UsageError
from kling_nb.magics.params import parse, read_param

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[{"element_id" 1}]', "At character 16"),
        ('[{"element_id": 1}', "At character 19"),
        ("[{'element_id': 1}]", "At character 3"),
        ("[1,]", "At character"),
        ("{bad}", "At character 2"),
    ],
)
def test_bad_json_shows_the_place(text: str, place: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_param("element_list", text, "--param")
    what, why, advice = caught.value.lines()
    assert what.startswith("--param element_list cannot be read as JSON")
    assert place in why and "▸here◂" in why
    assert "[{" in advice


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[NaN]", "[" * 5000 + "]" * 5000])
def test_json_that_could_mean_two_things_or_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        read_param("video_list", text, "--param")


@given(st.lists(JSON, max_size=3) | st.dictionaries(st.text(), JSON, max_size=3))
def test_lists_and_objects_arrive_as_they_were_written(value: object) -> None:
    assert read_param("video_list", json.dumps(value), "--param") == value


@given(st.text(alphabet="[]{}\":,' 01aé\n", max_size=40))
def test_nothing_but_the_error_of_the_line_comes_out(text: str) -> None:
    try:
        parse(text, "x")
    except UsageError as error:
        assert len(error.lines()) == 3


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("cfg_scale", "0.5", 0.5),
        ("duration", "5", 5),
        ("duration", "5s", "5s"),
        ("multi_shot", "true", True),
        ("generate_audio", "false", False),
        ("element_list", "829611643369439283", "829611643369439283"),
        ("element_list", '[{"element_id":829611643369439283}]', [{"element_id": 829611643369439283}]),
        ("camera_control", "forward_up", "forward_up"),
        ("watermark_info", '{"enabled":true}', {"enabled": True}),
        ("prompt", "[wide] @Tom walks", "[wide] @Tom walks"),
        ("prompt", "@Tom walks", "@Tom walks"),
        ("prompt", '"quoted"', "quoted"),
        ("prompt", '"quoted" and not', '"quoted" and not'),
        ("callback_url", "https://me.example/[x]", "https://me.example/[x]"),
        ("external_task_id", "123", "123"),
        ("cfg_scale", "NaN", "NaN"),
    ],
)
def test_values(key: str, text: str, value: object) -> None:
    found = read_param(key, text, "--param")
    assert found == value and type(found) is type(value)


def test_a_file_holds_what_is_too_long_for_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shots.json").write_text('\ufeff[{"prompt": "é"}]', encoding="utf-8")
    assert read_param("multi_prompt", "@shots.json", "--param") == [{"prompt": "é"}]
    Path("bad.json").write_text('[\n  {"prompt": "x"\n]')
    with pytest.raises(UsageError) as caught:
        read_param("multi_prompt", "@bad.json", "--param")
    assert "At line 3, column 1" in caught.value.why
    Path("large.json").write_text("[" + " " * 1_000_000 + "]")
    Path("binary.json").write_bytes(b"\xff\xfe\x00")
    for name in ("nowhere.json", ".", "large.json", "binary.json"):
        with pytest.raises(UsageError, match=r"cannot be read|too large"):
            read_param("multi_prompt", f"@{name}", "--param")

"""What Tab offers, place by place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kling_nb.domain.brush import MotionBrush
from kling_nb.magics import candidates
from kling_nb.magics.completion import complete


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("boat.jpg", "harbour.png", "two words.png", "notes.txt"):
        (tmp_path / name).touch()
    monkeypatch.setattr(candidates, "run_ids", lambda limit=30: ["r-2mta", "r-2mtb"])
    return tmp_path


VARIABLES = {
    "picture": b"\x89PNG", "number": 3, "title": "two words", "path": "boat.jpg", "_hidden": b"",
    "swing": MotionBrush((640, 480)),
}  # fmt: skip


def offered(text: str) -> tuple[str, list[str]]:
    """Complete at the end of a text: fragment and words."""
    lines = text.split("\n")
    result = complete(text, len(lines) - 1, len(lines[-1]), VARIABLES)
    return result.get("matched_fragment", ""), [item.text for item in result["completions"]]


@pytest.mark.parametrize(
    ("text", "fragment", "some", "none"),
    [
        ("%kling ", "", ["runs", "boat.jpg", "picture", "path", "swing"], ["number", "title", "_hidden"]),
        ("%kling ru", "ru", ["runs"], ["status"]),
        ("%%kling ", "", ["boat.jpg", "picture"], ["runs", "notes.txt", "two words.png"]),
        ("%%kling bo", "bo", ["boat.jpg"], ["harbour.png"]),
        ("%%kling boat.jpg --mo", "--mo", ["--model", "--mode"], ["--duration"]),
        ("%%kling boat.jpg --mode pro --mo", "--mo", ["--model"], ["--mode"]),
        ("%%kling boat.jpg --tag a --ta", "--ta", ["--tag", "--tail"], []),
        ("%%kling boat.jpg ", "", ["--model", "--wait", "--brush"], ["boat.jpg"]),
        ("%%kling boat.jpg --model kling-v2", "kling-v2", ["kling-v2-6", "kling-v2-5-turbo"], ["kling-v1"]),
        ("%%kling boat.jpg --mode ", "", ["std", "pro"], ["--model"]),
        ("%%kling boat.jpg --mode=p", "p", ["pro"], ["std"]),
        ("%%kling boat.jpg -d ", "", ["5", "10"], []),
        ("%%kling boat.jpg --brush ", "", ["swing"], ["picture", "number"]),
        ("%%kling boat.jpg --tail har", "har", ["harbour.png"], ["boat.jpg"]),
        ("%%kling boat.jpg --camera zo", "zo", ["zoom="], []),
        ("%%kling boat.jpg --param mul", "mul", ["multi_shot=", "multi_prompt="], ["mode="]),
        ("%%kling boat.jpg --param ", "", ["element_list=", "video_list="], ["end_image_url="]),
        ("%%kling boat.jpg --param end", "end", ["end_image_url="], []),
        ("%%kling boat.jpg --param shot_type=c", "shot_type=c", ["shot_type=customize"], []),
        ("%%kling boat.jpg --param generate_audio=", "generate_audio=", ["generate_audio=on"], []),
        ("%%kling boat.jpg -p ", "", ["official", "official-new", "acedata", "sandbox-aimlapi"], []),
        ("%%kling extend ", "", ["r-2mta"], ["boat.jpg"]),
        ("%%kling extend r-2mta --", "--", ["--negative", "--wait"], ["--tail", "--ratio"]),
        ("%kling extend ", "", ["r-2mta"], ["boat.jpg"]),
        ("%kling attach 8296 --run ", "", ["r-2mta"], []),
        ("%kling masks ", "", ["boat.jpg"], ["r-2mta"]),
        ("%kling doctor ac", "ac", ["acedata"], []),
        ("%kling help unc", "unc", ["uncertain"], []),
        ("x = %kling show ", "", ["r-2mta", "r-2mtb"], ["runs"]),
        ("%kling wait r-2mta r-", "r-", ["r-2mta"], []),
        ("%kling runs --sta", "--sta", ["--status"], ["--brush"]),
        ("%kling runs --status ", "", ["succeeded", "failed"], []),
        ("%kling config clip", "clip", ["clip_warn_units", "clip_limit_units"], ["kling_api_key"]),
        ("%kling help er", "er", ["errors"], []),
        ("%%kling extend r-2mta\nneg", "neg", ["negative: "], []),
        ("%%kling extend r-2mta\nta", "ta", ["tag: "], ["tail: "]),
        ("%%kling boat.jpg --set mo", "mo", ["mode=", "model_name="], []),
        ("%%kling boat.jpg --set mode=std,", "mode=std,", ["mode=std,pro"], ["mode=std,std"]),
        ("%%kling boat.jpg --set what=a,b\nthe {{wh", "wh", ["what"], []),
        ("%%kling boat.jpg --set a=1 --s", "--s", ["--set", "--sample"], []),
        ("%kling help sw", "sw", ["sweep", "sweeps"], []),
        ("%%kling boat.jpg\nmo", "mo", ["model: ", "mode: "], ["duration: "]),
        ("%%kling boat.jpg\nmode: pro\nmo", "mo", ["model: "], ["mode: "]),
        ("%%kling boat.jpg\nmode: ", "", ["std", "pro"], []),
        ("%%kling boat.jpg\nmodel: kling-v2", "kling-v2", ["kling-v2-6"], []),
        ("%%kling boat.jpg\nthe boat {{ti", "ti", ["title"], ["picture"]),
        ("%%kling boat.jpg\nthe boat\n--- n", "--- n", ["--- negative"], ["---"]),
    ],
)  # fmt: skip
def test_offers(text: str, fragment: str, some: list[str], none: list[str]) -> None:
    got, words = offered(text)
    assert got == fragment
    assert set(some) <= set(words), words
    assert not set(none) & set(words)


@pytest.mark.parametrize(
    "text", ["%%kling boat.jpg\nthe boat mo", "%%kling boat.jpg\nmode: pro\n\nmo", "print(mo", "# kling mo"]
)
def test_offers_nothing_inside_prompts_and_python(text: str) -> None:
    assert offered(text)[1] == []


def test_no_secret_setting_is_offered() -> None:
    assert not {word for word in offered("%kling config ")[1] if word.endswith(("_key", "_token"))}

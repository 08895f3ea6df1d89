"""Clips from words alone, clips that go on, storyboards: what a cell says and what is no slip of the pen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.call import RunCall, read_call
from kling_nb.magics.choosing import clip_to_extend, named_provider
from kling_nb.magics.pictures import find_picture
from kling_nb.magics.tokens import Token
from kling_nb.session import Run

PICTURE = np.zeros((4, 4, 3), np.uint8)


def read(line: str, cell: str | None = "a boat", *, extend: bool = False, **variables: object) -> RunCall:
    return read_call(line, cell, variables, extend=extend)


# --- words alone ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "variables"),
    [
        ("boot.jpg", {}),
        ("pictur", {"picture": b"\x89PNG"}),
        ("empty", {"empty": ""}),
        ("blank", {"blank": "  "}),
        ("nothing", {"nothing": None}),
        ("number", {"number": 3}),
    ],
)
def test_a_word_that_is_no_picture_never_becomes_a_clip_from_words(word: str, variables: dict) -> None:
    call = read(word, **variables)
    assert call.image == Token(word)
    with pytest.raises(UsageError) as caught:
        find_picture(call.image, variables)
    assert len(caught.value.lines()) == 3


@pytest.mark.parametrize("line", ["--param image=", '--param image_url=""', "--param start_image_url="])
def test_an_empty_picture_is_no_wish_for_a_clip_from_words(line: str) -> None:
    call = read(line)
    assert call.image is not None
    with pytest.raises(UsageError, match="IMAGE is empty"):
        find_picture(call.image, {})


@pytest.mark.parametrize("first", ["boat.jpg", "img/boat.PNG", "picture", "https://x.example/cat.webp"])
def test_a_picture_that_slipped_into_the_body_is_noticed(first: str) -> None:
    with pytest.raises(UsageError, match="stands where the prompt belongs") as caught:
        read("-m kling-v2-6", f"{first}\nthe boat drifts", picture=PICTURE)
    assert f"%%kling {first}" in caught.value.advice
    assert read("-m kling-v2-6 --force", first, picture=PICTURE).image is None


@pytest.mark.parametrize("first", ["lighthouse", "title", "a boat.jpg on a desk", "Ships sail."])
def test_words_are_words(first: str) -> None:
    call = read("--ratio 9:16", first, title="text of a variable", picture=PICTURE)
    assert (call.image, call.prompts, call.fields) == (None, (first,), {"aspect_ratio": "9:16"})


@pytest.mark.parametrize("name", ["image", "image_url", "start_image_url", "first_frame"])
def test_the_picture_may_stand_under_the_names_of_all_source_systems(name: str) -> None:
    assert read(f"--param {name}=boat.jpg").image == Token("boat.jpg")
    with pytest.raises(UsageError, match="Two images"):
        read(f"cat.jpg --param {name}=boat.jpg")


def test_other_pictures_are_looked_up_under_every_name() -> None:
    call = read("boat.jpg --param tail_image_url=last.png --param static_mask=m.png")
    assert call.pictures == {"image_tail": Token("last.png"), "static_mask": Token("m.png")}
    assert call.fields == {}


# --- storyboards ----------------------------------------------------------------------------------------


def test_shots_on_the_line_and_above_the_prompt_are_one_storyboard() -> None:
    line = 'boat.jpg --shot 3 "the boat leaves" --shot 2s waves'
    body = "shot: 3 the boat leaves\nshot: 2s waves\n\n"
    for call in (read(line, "\n"), read("boat.jpg", body)):
        assert call.fields["multi_prompt"] == (
            {"index": 1, "prompt": "the boat leaves", "duration": 3},
            {"index": 2, "prompt": "waves", "duration": 2},
        )
        assert call.fields["duration"] == 5
    assert read(f"{line} -d 10", "\n").fields["duration"] == "10"


def test_a_shot_without_a_length_leaves_it_to_the_service() -> None:
    call = read('boat.jpg --shot "3 boats leave" --shot 2 waves', "\n")
    assert call.fields["multi_prompt"][0] == {"index": 1, "prompt": "3 boats leave"}
    assert "duration" not in call.fields


@pytest.mark.parametrize("line", ["boat.jpg --shot 3", 'boat.jpg --shot 3 ""', "boat.jpg --shot 3 --wait"])
def test_a_shot_needs_words(line: str) -> None:
    with pytest.raises(UsageError):
        read(line)


# --- clips that go on -----------------------------------------------------------------------------------


def test_the_first_word_of_an_extension_is_the_clip() -> None:
    call = read("r-2mta -n blur --cfg 0.4", "the boat lands", extend=True)
    assert (call.source, call.image, call.prompts) == (Token("r-2mta"), None, ("the boat lands",))
    assert call.fields == {"negative_prompt": "blur", "cfg_scale": 0.4}
    assert read("r-2mta the boat lands", None, extend=True).prompts == ("the boat lands",)
    assert read("--param video_id=829611643369439283").source == Token("829611643369439283")


@pytest.mark.parametrize(
    ("line", "cell", "what"),
    [
        ("r-2mta --tail end.png", "x", "Unknown option --tail"),
        ("r-2mta --param image=boat.jpg", "x", "takes no picture|Two images"),
        ("--param image=boat.jpg", "x", "takes no picture"),
        ("r-2mta r-2mtb", "x", "Unexpected word 'r-2mtb' after the run"),
        ("r-2mta", "\n", "The cell has no prompt"),
    ],
)
def test_what_an_extension_does_not_take(line: str, cell: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        read(line, cell, extend=True)
    assert len(caught.value.lines()) == 3


def context(**variables: object) -> SimpleNamespace:
    return SimpleNamespace(variables=variables, session=SimpleNamespace(run=lambda name: f"run {name}"))


@pytest.mark.parametrize("word", ["boat.jpg", "lost", "clips/a.mp4", "number"])
def test_what_is_no_clip_is_not_sent_as_the_id_of_one(word: str) -> None:
    with pytest.raises(UsageError, match="no clip that could go on"):
        clip_to_extend(context(number=3), Token(word))


def test_a_clip_is_a_run_a_variable_or_the_id_of_a_video() -> None:
    run = object.__new__(Run)
    found = context(run=run, runs=[run], kept="829611643369439283")
    assert clip_to_extend(found, Token("run")) is run
    assert clip_to_extend(found, Token("runs")) is run
    assert clip_to_extend(found, Token("kept")) == "829611643369439283"
    assert clip_to_extend(found, Token("r-2mta")) == "run r-2mta"
    assert clip_to_extend(found, Token("829611643369439283")) == "829611643369439283"


def test_a_door_is_named_once() -> None:
    assert named_provider(Arguments([Token("acedata")]), "x") == "acedata"
    assert named_provider(Arguments(values={"provider": "acedata"}), "x") == "acedata"
    with pytest.raises(UsageError, match="Two doors"):
        named_provider(Arguments([Token("aimlapi")], {"provider": "acedata"}), "x")


# --- in a shell -----------------------------------------------------------------------------------------


@pytest.fixture
def run_cell(shell, sandbox, monkeypatch, capsys, tmp_path: Path):
    """Run a cell of a terminal shell at the quick sandbox and return what it printed."""
    monkeypatch.setenv("KLING_NB_SANDBOX_HOME", str(sandbox.home))
    Image.fromarray(np.full((320, 400, 3), 90, np.uint8)).save(tmp_path / "boat.png")
    shell.run_line_magic("load_ext", "kling_nb")
    capsys.readouterr()

    def one(code: str, *, ok: bool = True) -> str:
        assert shell.run_cell(code).success is ok, capsys.readouterr().out
        return capsys.readouterr().out

    return one


def test_a_dry_run_says_that_there_is_no_picture(run_cell, sandbox) -> None:
    said = run_cell("%%kling -m kling-v2-6 --ratio 9:16 --dry-run\na lighthouse")
    assert "text-to-video, no picture" in said.splitlines()[0]
    assert '"aspect_ratio": "9:16"' in said
    assert "image-to-video" in run_cell("%%kling boat.png --dry-run\na boat").splitlines()[0]
    assert sandbox.tasks() == []


def test_a_clip_from_words_and_its_extension(run_cell, sandbox, shell) -> None:
    assert "text-to-video, no picture" in run_cell("%%kling -m kling-v1-6 -o run\na boat drifts")
    shell.user_ns["run"].wait()
    said = run_cell('%kling extend run "it lands" -o longer')
    first, longer = shell.user_ns["run"], shell.user_ns["longer"]
    assert f"video extension · goes on from {first.id}" in said
    assert longer.record.parent_run == first.id
    longer.wait()
    run_cell(f"%%kling extend {longer.id} -o again\nit leaves")
    shell.user_ns["again"].wait()
    assert shell.user_ns["again"].record.parent_run == longer.id
    assert len(sandbox.tasks()) == 3


def test_masks_say_their_price_first_and_are_paid_for_once(run_cell, shell) -> None:
    said = run_cell("%kling masks boat.png -o found")
    assert said.startswith("looking for masks at sandbox: 0.1 unit")
    assert "found['object'] is a mask" in said
    assert shell.user_ns["found"]["object"].shape == (320, 400)
    assert "no charge" in run_cell("%kling masks boat.png")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("%kling extend", "Which clip shall go on?"),
        ("%kling extend r-zzzz x", "No run 'r-zzzz'"),
        ("%kling masks", "%kling masks takes one picture."),
        ("%kling masks boot.png", "PICTURE 'boot.png' was not found."),
        ("%kling masks boat.png -p acedata", "does not look for masks"),
        ("%kling attach 829611643369439283 --force", "--force binds a task to a run"),
        ("%kling attach 829611643369439283 --run r-nothing", "No run 'r-nothing'"),
        ("%kling cost -p acdata", "There is no provider 'acdata'."),
        ("%kling boat.png x --param provider=kling", "--param upstream=kling"),
        ("%kling boat.png x --param elment_list=[1]", "element_list"),
    ],
)
def test_refusals_say_what_to_do(run_cell, sandbox, line: str, part: str) -> None:
    said = run_cell(line, ok=False)
    assert part in said and len(said.strip().splitlines()) <= 3
    assert sandbox.tasks() == []

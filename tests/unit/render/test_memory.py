"""What is kept between renders: bounded, keyed by content, and never visible in the frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scenery import disc, path_of, photo, plan, texture

from kling_nb import render
from kling_nb.render import Memory, content_digest

PART = disc(78, 58, 14)
OBJECT = disc(80, 60, 22)
SCENES = {
    "object": {"motions": (render.MaskMotion(OBJECT, path_of((80, 60), (120, 40))),)},
    "part": {"motions": (render.MaskMotion(PART, path_of((78, 58), (84, 58))),), "image": texture(2)},
    "still": {
        "motions": (render.MaskMotion(OBJECT, path_of((80, 60), (120, 40))),),
        "static_mask": disc(30, 30, 15),
    },
    "two": {
        "motions": (
            render.MaskMotion(OBJECT, path_of((80, 60), (40, 60))),
            render.MaskMotion(disc(140, 100, 9), path_of((140, 100), (120, 90))),
        )
    },
    "camera": {"camera": render.CameraMove(pan=4)},
    "default": {"prompt": "wind"},
    "tail": {"tail": photo(5)},
}


def frames(asked: render.RenderPlan, memory: Memory | None = None) -> list[np.ndarray]:
    return list(render.render_planes(asked, memory))


def bent(asked: render.RenderPlan, by: float) -> render.RenderPlan:
    """Move the end of the first path."""
    first, *others = asked.motions
    path = first.path.copy()
    path[-1] += by
    return replace(asked, motions=(replace(first, path=path), *others))


@pytest.mark.parametrize("kind", SCENES)
def test_frames_are_the_same_with_and_without_memory(kind: str) -> None:
    memory, asked = Memory(50_000_000), plan(frames=3, **SCENES[kind])
    fresh = frames(asked)
    for _ in range(2):
        assert all(np.array_equal(a, b) for a, b in zip(frames(asked, memory), fresh, strict=True))


@pytest.mark.parametrize("kind", [kind for kind, values in SCENES.items() if "motions" in values])
def test_an_edit_after_another_drawing_is_drawn_as_if_it_were_the_first(kind: str) -> None:
    memory, asked = Memory(50_000_000), plan(frames=3, **SCENES[kind])
    frames(asked, memory)
    for by in (1.0, -20.0):
        edited = bent(asked, by)
        assert all(np.array_equal(a, b) for a, b in zip(frames(edited, memory), frames(edited), strict=True))


def test_the_file_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    memory, asked = Memory(50_000_000), plan(frames=9, **SCENES["object"])
    frames(asked, memory)
    edited = bent(asked, 2.0)
    render.render_video(edited, tmp_path / "a.mp4", memory=memory)
    render.render_video(edited, tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_moved_end_point_needs_no_new_background() -> None:
    memory, asked = Memory(50_000_000), plan(frames=3, **SCENES["object"])
    frames(asked, memory)
    kept = memory.nbytes
    frames(bent(asked, 0.5), memory)
    assert memory.nbytes == kept
    assert memory.hits >= 4


def test_another_picture_is_another_key() -> None:
    memory = Memory(50_000_000)
    for seed in (1, 2):
        asked = plan(frames=3, image=texture(seed), motions=SCENES["object"]["motions"])
        assert all(np.array_equal(a, b) for a, b in zip(frames(asked, memory), frames(asked), strict=True))


def test_it_stays_within_its_bound_and_forgets_what_was_unused_longest() -> None:
    memory = Memory(250)
    made: list[int] = []

    def ask(number: int) -> None:
        memory.get("step", (number,), lambda: made.append(number) or np.zeros(100, np.uint8))

    for number in (1, 2, 1, 3, 1, 2):
        ask(number)
        assert memory.nbytes <= 250
    assert made == [1, 2, 3, 2]
    memory.get("large", (), lambda: np.zeros(1000, np.uint8))
    assert memory.nbytes <= 250


def test_what_is_kept_cannot_be_written_to() -> None:
    kept = Memory(1000).get("step", (1,), lambda: np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros(4, np.uint8), np.zeros((2, 2), np.uint8)),
        (np.zeros(4, np.uint8), np.zeros(4, bool)),
        (("a", "b"), ("ab",)),
        ((1,), (1.0,)),
        (None, "None"),
        (((1,), 2), (1, (2,))),
        (plan(seed=1), plan(seed=2)),
        (plan(**SCENES["object"]), plan(**SCENES["still"])),
    ],
)
def test_different_things_have_different_digests(first: object, second: object) -> None:
    assert content_digest(first) != content_digest(second)


def test_equal_things_have_equal_digests() -> None:
    assert content_digest(plan(**SCENES["two"])) == content_digest(plan(**SCENES["two"]))
    sliced = np.arange(20, dtype=np.uint8).reshape(4, 5)[:, :3]
    assert content_digest(sliced) == content_digest(sliced.copy())

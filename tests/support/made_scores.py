"""Scores of a clip that nobody has measured: every kind of row, a leak, an object that was lost."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from kling_nb.domain.scores import SCORE_VERSION, ObjectScores, Scores

SIZE = (320, 180)
FRAMES = 24
TIMES = tuple(number / 24 for number in range(FRAMES))


def made_scores(label: str = "boat", reason: str = "it is too even", **changes: Any) -> Scores:
    """Return scores of a clip of 320 x 180 pixels, 24 frames, one second.

    Parameters
    ----------
    label
        Name of both painted objects.
    reason
        Why the second one could not be followed, and what else was not measured.
    **changes
        Other fields.
    """
    asked = tuple((40 + 200 * time, 90 - 20 * math.sin(3 * time)) for time in TIMES)
    measured = tuple((40 + 160 * time, 92 - 15 * math.sin(3 * time)) for time in TIMES)
    values = {
        "path_error": 0.416,
        "path_error_px": 1.5,
        "end_error": 0.8,
        "direction": 0.99,
        "gain": 0.81,
        "tracked": 0.5,
        "leak": 16.3,
        "leak_ssim": 0.81,
        "camera_shift": 0.02,
        "camera_roll": -0.001,
        "first_psnr": 38.2,
        "motion": 2.31,
        "flicker": 0.4,
        "warp_error": 1.7,
        "sharpness_decay": 3.0,
    }
    own = {"path_error": 0.416, "end_error": 0.8, "direction": 0.99, "gain": 0.81}
    found = ObjectScores(label, own, 0.93, "", "template", asked, measured, TIMES)
    lost = ObjectScores(label, {}, 0.1, reason, "", ((250.0, 30.0), (200.0, 30.0)), (), (0.0, 1.0))
    curve = tuple(0.8 * time for time in TIMES)
    made = Scores(
        SCORE_VERSION,
        "a" * 64,
        "b" * 64,
        values,
        {"path_error": 0.93, "camera_shift": 0.6, "flicker": 0.3},
        {"words_direction": reason, "end_psnr": reason, "end_ssim": "no end picture was asked for"},
        ("short", "leak", "untracked"),
        (found, lost),
        SIZE,
        24.0,
        FRAMES,
        1.0,
        {"times": TIMES, "path_error": curve, "leak": (None, *(16 * time for time in TIMES[1:]))},
        ((None, None, 2.0, 9.0), (None, 1.0, 16.0, 20.0)),
        (reason,),
    )
    return replace(made, **changes)

"""Pictures that a run makes of its scores."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import InputError
from kling_nb.session.noclip import why_no_clip
from kling_nb.session.views import NO_MATH, html_text

if TYPE_CHECKING:
    from PIL.Image import Image

    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord
    from kling_nb.session.svg import Plot

_QUALITY: Final = 88


class ScorePicture:
    """A picture that a notebook shows.

    Parameters
    ----------
    image
        As Pillow has it.
    words
        What is on it, for those who do not see it.
    """

    def __init__(self, image: Image, words: str) -> None:
        self.image = image
        self.words = words

    @property
    def jpeg(self) -> bytes:
        """The picture as a JPEG file."""
        target = io.BytesIO()
        self.image.save(target, "JPEG", quality=_QUALITY, subsampling=0)
        return target.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file, PNG or JPEG by its ending, and return its path."""
        target = Path(path)
        self.image.save(target)
        return target

    def __repr__(self) -> str:
        return f"<picture, {self.image.width}×{self.image.height} pixels: {self.words}>"

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.jpeg).decode("ascii")
        return (
            f'<div class="{NO_MATH}"><img alt="{html_text(self.words)}" style="max-width:100%" '
            f'src="data:image/jpeg;base64,{data}"></div>'
        )


class Pictured:
    """A run whose scores can be looked at."""

    _record: RunRecord

    @property
    def id(self) -> str:
        """Run id."""
        raise NotImplementedError

    @property
    def video(self) -> Path | None:
        """The clip."""
        raise NotImplementedError

    @property
    def scores(self) -> Scores | None:
        """What was measured of it."""
        raise NotImplementedError

    def score_sheet(self, columns: int = 3, rows: int = 2) -> ScorePicture:
        """Return frames of the clip with the asked paths (solid) and the measured ones (dashed) on them.

        Parameters
        ----------
        columns, rows
            Frames beside and below each other; the first and the last are among them.

        Raises
        ------
        InputError
            There is no clip, or it has not been measured.
        MediaError
            The clip cannot be read.
        """
        from kling_nb.score.pictures import sheet  # noqa: PLC0415 - OpenCV loads with the first picture

        scores, clip = self._measured(), self._clip()
        words = f"Frames of run {self.id} with asked paths solid and measured paths dashed"
        return ScorePicture(sheet(clip, scores, columns, rows), words)

    def leak_picture(self) -> ScorePicture:
        """Return the last frame with a heat map of what changed inside the static mask.

        Raises
        ------
        InputError
            There is no clip, it has not been measured, or nothing was asked to stay as it is.
        MediaError
            The clip cannot be read.
        """
        from kling_nb.score.pictures import leak_picture  # noqa: PLC0415 - as above

        scores, clip = self._measured(), self._clip()
        if not scores.leak_map:
            why = scores.why.get("leak") or "The run has no static mask."
            raise InputError(
                f"There is no leak to show of run {self.id}.",
                f"{why[0].upper()}{why[1:].rstrip('.')}.",
                "A static mask (brush.static(…), Freeze on the pad) says what should stay as it is.",
            )
        words = f"Heat map of changes inside the static mask of run {self.id}"
        return ScorePicture(leak_picture(clip, scores), words)

    def plot_scores(self) -> Plot:
        """Return what was measured over time: path error, camera, motion, leak, sharpness, flicker.

        Raises
        ------
        InputError
            The clip has not been measured, or nothing of it over time.
        """
        from kling_nb.session.scoreplots import curves_plot  # noqa: PLC0415 - only for those who look

        return curves_plot(self._measured(), f"Run {self.id} over time")

    def _measured(self) -> Any:
        scores = self.scores
        if scores is None:
            self._clip()
            raise InputError(
                f"Run {self.id} has not been measured yet.",
                "Scores are made in the background after a download.",
                "run.score() measures it now and waits.",
            )
        return scores

    def _clip(self) -> Path:
        clip = self.video
        if clip is None:
            raise InputError(f"Run {self.id} has no clip here.", *why_no_clip(self._record), run_id=self.id)
        return clip

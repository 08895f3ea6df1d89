"""The end frame of a drawn motion as the picture that is sent, kept for the next few checks."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from kling_nb.media import decode_image, load_image
from kling_nb.render.endframe import end_frame
from kling_nb.session.previews import mask_of_size, motions_of

if TYPE_CHECKING:
    from kling_nb.domain.images import ImageRef
    from kling_nb.domain.request import VideoRequest

MAX_BYTES = 7_500_000
"""Above this the picture becomes a JPEG: its Base64 text must stay below the limit of 10 MB (L17)."""

SOURCE = "end frame of the brush"

_KEPT = 3
_made: OrderedDict[str, ImageRef] = OrderedDict()
_lock = Lock()


def end_frame_of(drawn: VideoRequest) -> ImageRef:
    """Render the picture in which every masked object is at the end of its path.

    Parameters
    ----------
    drawn
        A request with a picture on this machine and masks with pixels.

    Returns
    -------
    ImageRef
        A picture of the size of the start frame. The last few are kept, so that checking, pricing and
        sending the same drawing renders once.
    """
    assert drawn.image is not None
    assert drawn.image.data is not None
    key = _key(drawn)
    with _lock:
        if key in _made:
            _made.move_to_end(key)
            return _made[key]
    picture = decode_image(drawn.image.data)
    size = (picture.shape[1], picture.shape[0])
    last = end_frame(picture, motions_of(drawn, size), mask_of_size(drawn.static_mask, size))
    made = replace(load_image(last, max_bytes=MAX_BYTES), source=SOURCE)
    with _lock:
        _made[key] = made
        while len(_made) > _KEPT:
            _made.popitem(last=False)
    return made


def _key(drawn: VideoRequest) -> str:
    assert drawn.image is not None
    digest = hashlib.sha256((drawn.image.sha256 or "").encode())
    for group in drawn.dynamic_masks:
        ends = np.ascontiguousarray(group.trajectory.pixels[[0, -1]])
        digest.update(group.mask.sha256.encode() + ends.tobytes())
    digest.update(b"still" + (drawn.static_mask.sha256 if drawn.static_mask else "").encode())
    return digest.hexdigest()

"""The words of tasks that fail after the answer (A01-A04 of ``spec/official-api.md`` §10.2)."""

from __future__ import annotations

IMAGE_INVALID = (
    "The resolution or aspect ratio of the input image is invalid. "
    "Please ensure it meets the required specifications."
)
CONTENT_RISK = "Failure to pass the risk control system"
MASK_RATIO = "The aspect ratio of the mask must be consistent with the input image"
MASK_RESOLUTION = "The resolution of static_mask and dynamic_masks must be consistent"
FETCH_FAILED = "couldn't get the contents of the file"

FORCED = {
    "risk": CONTENT_RISK,
    "image": IMAGE_INVALID,
    "mask-ratio": MASK_RATIO,
    "mask-size": MASK_RESOLUTION,
    "fetch": FETCH_FAILED,
}
"""Words of the fault ``async:<name>``; any other name is the text itself."""

"""What fails after the answer: the create says 200, the task ends as failed (spec/sandbox.md §3)."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from legacy_wire import IMAGE, created, delivered, encoded, finished, group, picture, raw64

A01 = (
    "The resolution or aspect ratio of the input image is invalid. "
    "Please ensure it meets the required specifications."
)
A02 = "Failure to pass the risk control system"
A03_RATIO = "The aspect ratio of the mask must be consistent with the input image"
A03_SIZE = "The resolution of static_mask and dynamic_masks must be consistent"
A04 = "couldn't get the contents of the file"

BRUSH = {"model_name": "kling-v1", "mode": "pro"}
WIDE = raw64(picture(600, 300))
LARGE = raw64(picture(600, 600))


def noise(side):
    """A PNG of about 3 bytes a pixel: noise does not compress."""
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return encoded(pixels)


FAILURES = [
    ("no picture", {"image": raw64(b"hello hello hello")}, A01),
    ("a GIF", {"image": raw64(picture(kind="GIF"))}, A01),
    ("a WebP", {"image": raw64(picture(kind="WEBP"))}, A01),
    ("a truncated PNG", {"image": raw64(picture()[:120])}, A01),
    ("299 pixels", {"image": raw64(picture(299, 400))}, A01),
    ("wider than 2.5", {"image": raw64(picture(753, 301))}, A01),
    ("narrower than 0.4", {"image": raw64(picture(301, 753))}, A01),
    ("more than 10 MB", {"image": noise(1840)}, A01),
    ("a small end frame", {"mode": "pro", "image_tail": raw64(picture(299, 299))}, A01),
    ("a broken mask", BRUSH | {"dynamic_masks": [group(raw64(b"no mask!"))]}, A01),
    ("a mask of another ratio", BRUSH | {"dynamic_masks": [group(WIDE)]}, A03_RATIO),
    ("a still mask of another ratio", BRUSH | {"static_mask": WIDE}, A03_RATIO),
    ("masks of two sizes", BRUSH | {"static_mask": IMAGE, "dynamic_masks": [group(LARGE)]}, A03_SIZE),
    ("two dynamic masks of two sizes", BRUSH | {"dynamic_masks": [group(), group(LARGE)]}, A03_SIZE),
    ("size before masks", BRUSH | {"image": raw64(picture(299, 299)), "static_mask": WIDE}, A01),
    ("ratio before resolution", BRUSH | {"static_mask": WIDE, "dynamic_masks": [group()]}, A03_RATIO),
    ("a host that is not fetched", {"image": "https://192.0.2.1/a.png"}, A04),
    ("a name that is not resolved", {"image": "https://picture.invalid/a.png"}, A04),
    ("a private address", {"image": "http://192.168.0.1/a.png"}, A04),
    ("the metadata address", {"image": "http://169.254.169.254/latest"}, A04),
    ("the unspecified address", {"image": "http://0.0.0.0/a.png"}, A04),
    ("a closed port", {"image": "http://127.0.0.1:9/a.png"}, A04),
    (
        "fetch before decode",
        {"mode": "pro", "image": raw64(b"bad."), "image_tail": "http://127.0.0.1:9/"},
        A04,
    ),
]


@pytest.mark.parametrize(("what", "fields", "text"), FAILURES)
def test_failed_tasks_cost_nothing(sandbox, what, fields, text):
    task = delivered(sandbox, **fields)
    assert task["task_status"] == "failed"
    assert task["task_status_msg"] == text
    assert task["task_result"] == {}
    assert task["final_unit_deduction"] == "0"
    assert sandbox.charges() == []


FINE = [
    ("300 by 300 JPEG", {"image": raw64(picture(kind="JPEG"))}),
    ("ratio 2.5", {"image": raw64(picture(750, 300))}),
    ("ratio 0.4", {"image": raw64(picture(300, 750))}),
    ("an end frame of any ratio", {"mode": "pro", "image_tail": raw64(picture(1200, 300))}),
    ("a mask of half the size", BRUSH | {"image": LARGE, "dynamic_masks": [group(IMAGE)]}),
    ("a mask within 1 % of the ratio", BRUSH | {"image": LARGE, "static_mask": raw64(picture(605, 600))}),
]


@pytest.mark.parametrize(("what", "fields"), FINE)
def test_within_the_limits(sandbox, what, fields):
    assert delivered(sandbox, **fields)["task_status"] == "succeed"


def test_content_rule(sandbox):
    sandbox.config(content_words=["Volcano"])
    assert delivered(sandbox, prompt="a VOLCANO erupts")["task_status_msg"] == A02
    assert delivered(sandbox, prompt="a hill")["task_status"] == "succeed"


def test_masks_are_told_before_content(sandbox):
    sandbox.config(content_words=["x"])
    assert delivered(sandbox, prompt="x", **BRUSH, static_mask=WIDE)["task_status_msg"] == A03_RATIO


@pytest.fixture
def pages():
    """A loopback web server whose answers the test chooses: path -> (status, headers, body)."""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    answers["base"] = (0, {"url": f"http://127.0.0.1:{server.server_port}"}, b"")
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_pictures_by_url(sandbox, pages):
    base = pages["base"][1]["url"]
    pages["/a.png"] = (200, {}, picture())
    pages["/missing"] = (404, {}, b"")
    assert delivered(sandbox, image=f"{base}/a.png")["task_status"] == "succeed"
    assert (
        delivered(sandbox, image=f"{base}/a.png".replace("127.0.0.1", "localhost"))["task_status"]
        == "succeed"
    )
    assert delivered(sandbox, image=f"{base}/missing")["task_status_msg"] == A04
    assert delivered(sandbox, image=sandbox.upload(picture()))["task_status"] == "succeed"


def test_redirects_are_followed_three_times_and_checked_each_time(sandbox, pages):
    base = pages["base"][1]["url"]
    pages["/0"] = (200, {}, picture())
    for hop in range(1, 5):
        pages[f"/{hop}"] = (302, {"Location": f"/{hop - 1}"}, b"")
    pages["/out"] = (302, {"Location": "http://192.168.0.1/a.png"}, b"")
    pages["/file"] = (302, {"Location": "file:///etc/passwd"}, b"")
    assert delivered(sandbox, image=f"{base}/3")["task_status"] == "succeed"
    for path in ("/4", "/out", "/file"):
        assert delivered(sandbox, image=base + path)["task_status_msg"] == A04


def test_accepted_oddities_are_noted(sandbox_render):
    black = encoded(np.zeros((300, 300, 3), np.uint8))
    half = np.zeros((300, 300, 3), np.uint8)
    half[:, 150:] = 255
    task = created(
        sandbox_render,
        **BRUSH,
        static_mask=black,
        dynamic_masks=[
            group(black),
            group(encoded(half), [{"x": 10, "y": 10}, {"x": 20, "y": 10}]),
            group(encoded(half), [{"x": 200, "y": 10}, {"x": 400, "y": 10}]),
        ],
    )
    assert finished(sandbox_render, task)["task_status"] == "succeed"
    assert sandbox_render.task(task)["notes"] == [
        "dynamic_masks[0].mask selects nothing",
        "dynamic_masks[1] starts outside its mask",
        "dynamic_masks[2] leaves the picture",
        "static_mask selects nothing",
    ]


def test_shots_are_content_too(sandbox):
    sandbox.config(content_words=["volcano"])
    shots = [{"index": 1, "prompt": "a volcano", "duration": "5"}]
    fields = {"model_name": "kling-v3", "multi_shot": True, "shot_type": "customize", "multi_prompt": shots}
    assert delivered(sandbox, prompt="", **fields)["task_status_msg"] == A02


def test_what_pillow_reads_but_cannot_be_used_fails_as_a_picture(sandbox_render):
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("1", (9500, 9500)).save(buffer, "PNG")
    task = delivered(sandbox_render, image=raw64(buffer.getvalue()))
    assert (task["task_status"], task["task_status_msg"]) == ("failed", A01)

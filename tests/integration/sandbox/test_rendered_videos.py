"""Real renders over real HTTP: what the wire asked for is measured in the downloaded file."""

from __future__ import annotations

import hashlib
import io

import av
import numpy as np
import pytest
from legacy_wire import created, encoded, finished, get
from new_wire import TEXT, accepted, ended, post

WIDTH, HEIGHT = 600, 400
DOT = (300, 200)
RADIUS = 18
BRUSH = {"model_name": "kling-v1", "mode": "pro", "prompt": "a dot"}


def scene(dot=DOT):
    """A textured gray picture with a red dot at a pixel position counted from the top left."""
    texture = np.random.default_rng(3).integers(70, 110, (HEIGHT // 8, WIDTH // 8), dtype=np.uint8)
    gray = np.kron(texture, np.ones((8, 8), np.uint8))
    pixels = np.repeat(gray[..., None], 3, axis=2)
    pixels[disc(dot, RADIUS)] = (240, 20, 20)
    return pixels


def disc(center, radius):
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    return (xs - center[0]) ** 2 + (ys - center[1]) ** 2 < radius**2


def mask(selected):
    return encoded(np.repeat(selected[..., None], 3, axis=2).astype(np.uint8) * 255)


def moved(points, dot=DOT):
    """Fields of a brush request whose path is given in wire pixels: origin bottom-left, y up."""
    group = {
        "mask": mask(disc(dot, RADIUS + 5)),
        "trajectories": [{"x": x, "y": y} for x, y in points],
    }
    return BRUSH | {"image": encoded(scene(dot)), "dynamic_masks": [group]}


class Clip:
    """A downloaded video, decoded."""

    def __init__(self, data):
        self.data = data
        with av.open(io.BytesIO(data)) as container:
            stream = container.streams.video[0]
            self.codec = stream.codec_context.name
            self.pixel_format = stream.codec_context.pix_fmt
            self.rate = stream.average_rate
            self.audio = [audio.codec_context.name for audio in container.streams.audio]
            self.comment = container.metadata.get("comment")
            self.frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        self.height, self.width = self.frames[0].shape[:2]

    def dot(self, index):
        """Centre of the red pixels in source pixels, (x, y) from the top left."""
        frame = self.frames[index].astype(int)
        ys, xs = np.nonzero(frame[..., 0] - frame[..., 1] > 90)
        return np.array([xs.mean() * WIDTH / self.width, ys.mean() * HEIGHT / self.height])


@pytest.fixture
def rendered(sandbox_render):
    def rendered(**fields):
        task = finished(sandbox_render, created(sandbox_render, **fields))
        assert task["task_status"] == "succeed", task
        video = task["task_result"]["videos"][0]
        return Clip(get(video["url"]).content), video, sandbox_render.task(task["task_id"])["truth"]

    return rendered


def test_the_dot_moves_up_when_y_grows(rendered):
    # On the wire the dot, 200 pixels from the top of 400, lies at y = 399 - 200.
    clip, _, truth = rendered(**moved([(300, 199), (300, 299)]))
    assert clip.dot(0) == pytest.approx(DOT, abs=1)
    assert clip.dot(-1) == pytest.approx((300, 100), abs=2)
    assert truth["displacements"][0][-1][1] == pytest.approx(-100 * truth["scale"][1], abs=0.5)


def test_right_is_right_and_the_first_point_is_the_start(rendered):
    clip, _, _ = rendered(**moved([(50, 100), (150, 60)]))
    assert clip.dot(-1) == pytest.approx((400, 240), abs=2)


def test_the_switch_of_the_y_origin_turns_the_path_over(sandbox_render, rendered):
    sandbox_render.config(brush_y_origin="top")
    clip, _, _ = rendered(**moved([(300, 199), (300, 299)]))
    assert clip.dot(-1) == pytest.approx((300, 300), abs=2)


def test_speed_is_constant_unless_points_count(sandbox_render, rendered):
    uneven = [(300, 199), (310, 199), (320, 199), (330, 199), (400, 199)]
    clip, _, _ = rendered(**moved(uneven))
    assert clip.dot(len(clip.frames) // 2)[0] == pytest.approx(350, abs=3)
    sandbox_render.config(motion_timing="index")
    clip, _, _ = rendered(**moved(uneven))
    assert clip.dot(len(clip.frames) // 2)[0] == pytest.approx(320, abs=3)


def test_a_mask_of_half_the_size_selects_the_same_region(rendered):
    fields = moved([(300, 199), (300, 299)])
    half = disc(DOT, RADIUS + 5)[::2, ::2]
    fields["image"] = encoded(np.kron(scene(), np.ones((2, 2, 1), np.uint8)))
    big = np.kron(disc(DOT, RADIUS + 5), np.ones((2, 2), bool))
    assert big.shape == (2 * HEIGHT, 2 * WIDTH)
    fields["dynamic_masks"][0]["mask"] = mask(np.kron(half, np.ones((2, 2), bool)))
    # Coordinates are pixels of the picture, whatever the size of the mask.
    fields["dynamic_masks"][0]["trajectories"] = [{"x": 600, "y": 399}, {"x": 600, "y": 599}]
    clip, _, _ = rendered(**fields)
    assert clip.dot(-1) == pytest.approx((300, 100), abs=2)


def test_still_pixels_stay(rendered):
    still = np.zeros((HEIGHT, WIDTH), bool)
    still[:, :150] = True
    clip, _, _ = rendered(**moved([(300, 199), (100, 199)]) | {"static_mask": mask(still)})
    left = slice(0, int(140 * clip.width / WIDTH))
    change = np.abs(clip.frames[0][:, left].astype(int) - clip.frames[-1][:, left])
    assert change.mean() < 2


@pytest.mark.parametrize(
    ("fields", "rate", "frames", "duration", "size"),
    [
        ({"model_name": "kling-v1"}, 30, 153, "5.1", (1176, 784)),
        ({"model_name": "kling-v2-5-turbo"}, 24, 121, "5.041", (1176, 784)),
        ({"model_name": "kling-v3", "duration": "3"}, 24, 73, "3.041", (1176, 784)),
        ({"model_name": "kling-v2-5-turbo", "mode": "pro"}, 24, 121, "5.041", (1764, 1176)),
    ],
)
def test_container_and_format(sandbox_render, rendered, fields, rate, frames, duration, size):
    clip, video, _ = rendered(image=encoded(scene()), **fields)
    assert (clip.codec, clip.pixel_format, clip.rate) == ("h264", "yuv420p", rate)
    assert len(clip.frames) == frames
    assert video["duration"] == duration
    assert (clip.width, clip.height) == (640, 426)
    assert clip.comment == "kling_nb sandbox preview; not Kling output"
    assert clip.audio == []
    assert clip.data.index(b"moov") < clip.data.index(b"mdat")
    sandbox_render.config(render_size="class")
    if frames == 73:
        clip, _, _ = rendered(image=encoded(scene()), **fields)
        assert (clip.width, clip.height) == size


def test_every_frame_is_labelled(rendered):
    clip, _, truth = rendered(image=encoded(scene()), model_name="kling-v3", duration="3")
    x, y, width, height = truth["label_box"]
    assert height >= 0.03 * clip.height
    for frame in clip.frames[:: len(clip.frames) // 6]:
        box = frame[y : y + height, x : x + width]
        assert int(box.max()) - int(box.min()) > 100  # text; the picture itself spans 40 levels


def test_end_frames(rendered):
    end = scene((450, 100))
    for fields in ({"image": encoded(scene())}, {"image": ...}):
        clip, _, _ = rendered(model_name="kling-v1-6", mode="pro", image_tail=encoded(end), **fields)
        assert clip.dot(-1) == pytest.approx((450, 100), abs=2)
    clip, _, _ = rendered(
        model_name="kling-v2-5-turbo", mode="pro", image=encoded(scene()), image_tail=encoded(end)
    )
    assert clip.dot(0) == pytest.approx(DOT, abs=2)


def test_zooming_out_shrinks_what_is_seen(rendered):
    camera = {"type": "simple", "config": {"zoom": 10}}
    clip, _, _ = rendered(model_name="kling-v1-5", mode="pro", image=encoded(scene()), camera_control=camera)

    def area(frame):
        return (frame[..., 0].astype(int) - frame[..., 1] > 90).sum()

    assert area(clip.frames[-1]) < 0.8 * area(clip.frames[0])


def test_sound_is_a_silent_track(rendered):
    clip, _, _ = rendered(model_name="kling-v2-6", mode="pro", sound="on", image=encoded(scene()))
    assert clip.audio == ["aac"]


def test_the_watermarked_twin_has_a_larger_mark(sandbox_render):
    fields = {
        "image": encoded(scene()),
        "watermark_info": {"enabled": True},
        "model_name": "kling-v3",
        "duration": "3",
    }
    video = finished(sandbox_render, created(sandbox_render, **fields))["task_result"]["videos"][0]
    plain, marked = (Clip(get(video[key]).content) for key in ("url", "watermark_url"))
    assert len(plain.frames) == len(marked.frames)
    changed = np.abs(plain.frames[0].astype(int) - marked.frames[0]).max(axis=2) > 40
    assert changed.sum() > 500


def test_the_same_request_gives_the_same_clip(sandbox_render, rendered):
    fields = {"image": encoded(scene()), "model_name": "kling-v3", "duration": "3"}

    def digest(**more):
        return hashlib.sha256(rendered(**fields, **more)[0].data).hexdigest()

    first = digest(external_task_id="a", callback_url="http://127.0.0.1:9/")
    assert digest(external_task_id="b") == first
    assert digest(prompt="something else") != first
    sandbox_render.config(variability=0.3)
    assert digest() != digest()


def test_variety_shows_in_the_motion(sandbox_render, rendered):
    sandbox_render.config(variability=0.2)
    ends = [rendered(**moved([(300, 199), (300, 299)]))[2]["displacements"][0][-1] for _ in range(3)]
    assert len({tuple(end) for end in ends}) == 3


def test_distortions_by_directive_and_by_switch(sandbox_render, rendered):
    up = moved([(300, 199), (300, 299)])
    clip, _, truth = rendered(**up | {"prompt": 'a dot [[sandbox:distort {"gain": 0.5}]]'})
    assert clip.dot(-1) == pytest.approx((300, 150), abs=2)
    assert truth["distort"]["gain"] == 0.5
    sandbox_render.config(distort={"reverse": True})
    clip, _, _ = rendered(**up)
    assert clip.dot(-1) == pytest.approx((300, 300), abs=2)
    sandbox_render.config(distort={"freeze": True})
    clip, _, _ = rendered(**up)
    assert clip.dot(-1) == pytest.approx(DOT, abs=1)


def test_a_directive_does_not_change_what_chance_decides(rendered):
    fields = {"image": encoded(scene()), "model_name": "kling-v3", "duration": "3", "prompt": "waves"}
    plain = rendered(**fields)[2]["seed"]
    directed = rendered(**fields | {"prompt": 'waves [[sandbox:distort {"blur": 1}]]'})[2]["seed"]
    assert directed == plain


def test_a_rotated_jpeg_is_shown_upright(rendered):
    from PIL import Image

    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene()).save(buffer, "JPEG", exif=exif, quality=95)
    import base64

    clip, _, _ = rendered(
        image=base64.b64encode(buffer.getvalue()).decode(), model_name="kling-v3", duration="3"
    )
    assert (clip.width, clip.height) == (426, 640)


def test_the_codec_can_be_av1(sandbox_render, rendered):
    sandbox_render.config(codec="av1")
    clip, _, _ = rendered(image=encoded(scene()), model_name="kling-v3", duration="3")
    assert "av1" in clip.codec
    assert len(clip.frames) == 73


def test_text_alone_becomes_a_card_that_the_camera_moves_over(sandbox_render):
    body = {"model_name": "kling-v1", "prompt": "a red fox", "aspect_ratio": "9:16"}
    clips = []
    for camera in ({"type": "simple", "config": {"horizontal": 10}}, {"type": "forward_up"}):
        task = accepted(post(sandbox_render, TEXT, body | {"camera_control": camera}))
        clips.append(Clip(get(ended(sandbox_render, task)["outputs"][0]["url"]).content))
    for clip in clips:
        assert (clip.width, clip.height, len(clip.frames), clip.rate) == (360, 640, 153, 30)
    # A camera that moves right leaves the words behind on the left; one that goes forward makes them grow.
    sideways, forward = ([letters(clip.frames[i]) for i in (0, -1)] for clip in clips)
    assert sideways[1].mean() < sideways[0].mean() - 20
    assert np.ptp(forward[1]) > np.ptp(forward[0]) * 1.05


def letters(frame):
    """Columns of the white pixels above the label."""
    return np.nonzero(frame[: int(0.85 * frame.shape[0])].min(axis=2) > 200)[1]


def test_a_card_in_the_full_size_of_its_class(sandbox_render):
    sandbox_render.config(render_size="class")
    body = {"prompt": "a fox", "settings": {"duration": 3, "aspect_ratio": "1:1"}}
    task = accepted(post(sandbox_render, "/text-to-video/kling-3.0-turbo", body))
    clip = Clip(get(ended(sandbox_render, task)["outputs"][0]["url"]).content)
    assert (clip.width, clip.height, len(clip.frames), clip.audio) == (960, 960, 73, ["aac"])

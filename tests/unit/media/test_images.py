"""What goes in as a picture comes out as exactly the bytes the service accepts (official-api §4.2)."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kling_nb import media
from kling_nb.domain.images import ImageRef
from kling_nb.errors import MediaError


def gradient(width: int = 40, height: int = 30) -> np.ndarray:
    xs, ys = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.dstack([xs, ys, 255 - xs]).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(reference: ImageRef) -> Image.Image:
    assert reference.data is not None
    return Image.open(io.BytesIO(reference.data))


def assert_three_lines(error: MediaError) -> None:
    lines = error.lines()
    assert len(lines) == 3
    assert all(line and "\n" not in line for line in lines)


def huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


class TestRefused:
    def test_a_missing_file_names_the_pictures_that_are_there(self, tmp_path: Path) -> None:
        Image.fromarray(gradient()).save(tmp_path / "boat.png")
        with pytest.raises(MediaError) as caught:
            media.load_image(tmp_path / "boot.png")
        assert_three_lines(caught.value)
        assert "boat.png" in caught.value.advice

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="directory") as caught:
            media.load_image(str(tmp_path))
        assert_three_lines(caught.value)

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
    @pytest.mark.parametrize("share", [0.1, 0.6, 0.98])
    def test_a_cut_off_file(self, kind: str, share: float) -> None:
        noise = np.random.default_rng(1).integers(0, 255, (80, 90, 3), dtype=np.uint8)
        whole = encoded(Image.fromarray(noise), kind)
        with pytest.raises(MediaError) as caught:
            media.load_image(whole[: int(len(whole) * share)])
        assert_three_lines(caught.value)

    def test_a_png_with_a_damaged_byte(self) -> None:
        data = bytearray(encoded(Image.fromarray(gradient()), "PNG"))
        data[len(data) // 2] ^= 0xFF
        with pytest.raises(MediaError, match="broken"):
            media.load_image(bytes(data))

    @pytest.mark.parametrize(
        "data", [b"", b"no picture", b"<html><body>404</body></html>", b"\x89PNG\r\n\x1a\n"]
    )
    def test_bytes_that_are_no_picture(self, data: bytes) -> None:
        with pytest.raises(MediaError) as caught:
            media.load_image(data)
        assert_three_lines(caught.value)

    def test_a_decompression_bomb_is_refused_by_its_header_alone(self) -> None:
        with pytest.raises(MediaError, match="unreasonably large") as caught:
            media.load_image(huge_png(60_000, 60_000))
        assert_three_lines(caught.value)

    def test_a_bomb_in_another_format_is_refused_too(self) -> None:
        bomb = encoded(Image.new("1", (16_000, 16_000)), "TIFF", compression="group4")
        with pytest.raises(MediaError, match="unreasonably large"):
            media.load_image(bomb)

    @pytest.mark.parametrize(
        "text", ["data:image/png;base64,!!!!", "data:image/png,plain", "data:image/png;base64,QUJD", ""]
    )
    def test_a_data_uri_without_a_picture(self, text: str) -> None:
        with pytest.raises(MediaError) as caught:
            media.load_image(text)
        assert_three_lines(caught.value)

    @pytest.mark.parametrize(
        "value",
        [np.zeros((4, 5, 2)), np.zeros((3, 4, 5, 3)), np.zeros((0, 4)), np.full((4, 4), 7.0), 3.5, None],
    )
    def test_values_that_are_no_picture(self, value: object) -> None:
        with pytest.raises(MediaError) as caught:
            media.load_image(value)
        assert_three_lines(caught.value)


class TestPassedThrough:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_acceptable_bytes_stay_as_they_are(self, tmp_path: Path, kind: str, mode: str) -> None:
        data = encoded(Image.fromarray(gradient()).convert(mode), kind)
        path = tmp_path / "picture"
        path.write_bytes(data)
        reference = media.load_image(path)
        assert reference.data == data
        assert reference.size == (40, 30)
        assert reference.format == kind
        assert reference.notes == ()
        assert reference.source == str(path)

    def test_nothing_is_decoded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = encoded(Image.fromarray(gradient()), "JPEG")
        monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("the picture was opened"))
        assert media.load_image(data).data == data

    def test_a_progressive_jpeg_with_upright_exif_stays(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 1
        data = encoded(Image.fromarray(gradient()), "JPEG", exif=exif, progressive=True)
        assert media.load_image(data).data == data

    def test_a_url_is_not_read(self) -> None:
        reference = media.load_image("https://example.org/a.png")
        assert reference.url == "https://example.org/a.png"
        assert reference.data is None

    def test_a_reference_comes_back_as_it_is(self) -> None:
        reference = media.load_image(gradient())
        assert media.load_image(reference) is reference

    def test_a_data_uri_and_broken_lines_of_base64_hold_the_same_bytes(self) -> None:
        data = encoded(Image.fromarray(gradient(200, 150)), "JPEG")
        text = base64.encodebytes(data).decode()
        assert media.load_image("data:image/jpeg;base64," + text).data == data
        assert media.load_image(text).data == data


class TestConverted:
    @pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF"])
    def test_other_formats_become_png_and_the_user_is_told(self, kind: str) -> None:
        options = {"lossless": True} if kind == "WEBP" else {}
        source = Image.fromarray(gradient()).quantize(16).convert("RGB")
        reference = media.load_image(encoded(source, kind, **options))
        assert reference.format == "PNG"
        assert decoded(reference).mode == "RGB"
        assert np.array_equal(np.asarray(decoded(reference)), np.asarray(source))
        assert kind in reference.notes[0]

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_exif_rotation_is_applied_and_the_tag_dropped(self, orientation: int) -> None:
        stored = np.zeros((48, 64, 3), np.uint8)
        stored[:24, :32] = (250, 20, 20)
        exif = Image.Exif()
        exif[0x0112] = orientation
        reference = media.load_image(encoded(Image.fromarray(stored), "JPEG", exif=exif, quality=95))
        upright = decoded(reference)
        assert upright.size == ((48, 64) if orientation >= 5 else (64, 48))
        assert reference.size == upright.size
        assert upright.getexif().get(0x0112, 1) == 1
        red = np.asarray(upright)[:, :, 0] > 128
        rows, columns = np.nonzero(red)
        left, top = columns.mean() < upright.width / 2, rows.mean() < upright.height / 2
        # Where the stored top left corner ends up, by the EXIF definition of each value.
        corner = {2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}[orientation]
        assert ("t" if top else "b") + ("l" if left else "r") == corner
        assert any("upright" in note for note in reference.notes)

    def test_png_with_exif_rotation(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        reference = media.load_image(encoded(Image.fromarray(gradient()), "PNG", exif=exif))
        assert reference.size == (30, 40)

    def test_alpha_is_flattened_on_white(self) -> None:
        rgba = np.zeros((20, 20, 4), np.uint8)
        rgba[:, 10:] = (255, 0, 0, 255)
        reference = media.load_image(encoded(Image.fromarray(rgba), "PNG"))
        pixels = np.asarray(decoded(reference))
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[0, 15].tolist() == [255, 0, 0]
        assert any("white" in note for note in reference.notes)

    def test_palette_with_transparency(self) -> None:
        image = Image.new("P", (10, 10), 1)
        image.putpalette([9, 9, 9, 0, 200, 0] + [0] * 762)
        image.paste(0, (0, 0, 5, 10))
        reference = media.load_image(encoded(image, "PNG", transparency=0))
        pixels = np.asarray(decoded(reference))
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[0, 9].tolist() == [0, 200, 0]

    @pytest.mark.parametrize("channels", [1, 3])
    def test_16_bit_png_becomes_8_bit_by_the_upper_byte(self, channels: int) -> None:
        values = (np.arange(400, dtype=np.uint16).reshape(20, 20) * 163).astype(">u2")
        body = values if channels == 1 else np.repeat(values[:, :, None], 3, axis=2)
        rows = b"".join(b"\0" + row.tobytes() for row in body)

        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        head = struct.pack(">IIBBBBB", 20, 20, 16, 0 if channels == 1 else 2, 0, 0, 0)
        png = (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b"")
        )
        reference = media.load_image(png)
        assert "16-bit" in reference.notes[0]
        got = np.asarray(decoded(reference))[:, :, 0].astype(int)
        assert np.abs(got - (values >> 8).astype(int)).max() <= 1

    def test_cmyk_jpeg(self) -> None:
        cmyk = Image.fromarray(gradient()).convert("CMYK")
        reference = media.load_image(encoded(cmyk, "JPEG"))
        assert decoded(reference).mode == "RGB"
        assert "CMYK" in reference.notes[0]

    def test_animations_give_their_first_frame(self) -> None:
        first, second = (Image.new("RGB", (12, 12), colour) for colour in ("red", "blue"))
        for kind in ("GIF", "WEBP", "PNG"):
            options = {"lossless": True} if kind == "WEBP" else {}
            data = encoded(first, kind, save_all=True, append_images=[second], duration=100, **options)
            reference = media.load_image(data)
            assert np.asarray(decoded(reference))[5, 5].tolist() == [255, 0, 0], kind
            assert any("first frame" in note for note in reference.notes), kind

    def test_a_png_above_the_limit_becomes_jpeg(self) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (200, 200, 4), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), "PNG")
        assert media.load_image(data, max_bytes=200_000).format == "PNG"
        assert media.load_image(data, max_bytes=50_000).format == "JPEG"


class TestArrays:
    @pytest.mark.parametrize(
        "array",
        [
            gradient(),
            gradient()[:, :, 0],
            gradient()[:, :, :1],
            np.dstack([gradient(), np.full((30, 40), 255, np.uint8)]),
            gradient() / 255.0,
            gradient().astype(np.float32) / 255,
            gradient().astype(np.int64),
            gradient().astype(np.uint16) << 8,
            gradient()[:, :, 0] > 100,
            gradient()[::-1, ::-1],
        ],
    )
    def test_every_usual_kind_of_array_keeps_its_pixels(self, array: np.ndarray) -> None:
        pixels = np.asarray(decoded(media.load_image(array)))
        expected = array if array.ndim == 3 else array[:, :, None]
        expected = expected[:, :, :3].astype(float)
        if array.dtype == np.bool_ or array.dtype.kind == "f":
            expected = expected * 255
        if array.dtype == np.uint16:
            expected = expected // 256
        assert np.abs(pixels - np.broadcast_to(expected, pixels.shape)).max() < 0.51

    def test_pillow_pictures(self) -> None:
        reference = media.load_image(Image.fromarray(gradient()))
        assert np.array_equal(np.asarray(decoded(reference)), gradient())

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 10_000))
    def test_png_bytes_decode_to_their_array(self, width: int, height: int, seed: int) -> None:
        array = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
        assert np.array_equal(media.decode_image(media.image_bytes(array)), array)

    def test_base64_is_one_line_without_prefix(self) -> None:
        assert media.to_base64(b"\xff" * 100) == base64.b64encode(b"\xff" * 100).decode()


HEADS = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"GIF89a", b"RIFF"]


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"GIF89a", b"RIFF"]),
)
def test_no_garbage_escapes_as_another_error(tail: bytes, head: bytes) -> None:
    with pytest.raises(MediaError):
        media.load_image(head + tail)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["PNG", "JPEG"]), st.integers(0, 10_000), st.integers(0, 255))
def test_a_flipped_byte_gives_a_picture_or_a_media_error(kind: str, where: int, value: int) -> None:
    data = bytearray(encoded(Image.fromarray(gradient()), kind))
    data[where % len(data)] = value
    try:
        media.load_image(bytes(data))
    except MediaError as error:
        assert_three_lines(error)

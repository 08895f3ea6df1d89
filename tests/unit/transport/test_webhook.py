"""Signed callbacks: the published vectors are accepted, and nothing that differs from them by a bit."""

from __future__ import annotations

import base64
import hashlib
import hmac
import traceback
from email.message import Message

import golden
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kling_nb as kn
from kling_nb.errors import WebhookError
from kling_nb.transport.webhook import SigningKey

VECTORS = golden.rows("official/callbacks")
SECRET = VECTORS[0]["secret"]
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


def headers(row):
    return dict(zip(NAMES, (row["id"], row["timestamp"], row["signature"]), strict=True))


def verify(row, *, off=0.0, changed=(), **other):
    given = {
        "headers": {**headers(row), **dict(changed)},
        "body": row["body"].encode(),
        "secret": row["secret"],
        "now": float(row["timestamp"]) + off,
        **other,
    }
    return kn.verify_webhook(given.pop("headers"), given.pop("body"), given.pop("secret"), **given)


def signed(body, *, secret=SECRET, message_id="m", stamp="1781080794"):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return dict(zip(NAMES, (message_id, stamp, "v1," + base64.b64encode(mac).decode()), strict=True))


each = pytest.mark.parametrize("row", VECTORS, ids=[row["source"] for row in VECTORS])


@each
def test_published_vector_is_the_task_it_reports(row):
    task = verify(row)
    wanted = golden.expected(row["task"])
    assert {name: getattr(task, name) for name in wanted} == wanted


@each
@pytest.mark.parametrize("off", [-300, -299, 299, 300])
def test_within_the_tolerance(row, off):
    assert verify(row, off=off).task_id == row["task"]["task_id"]


@each
@pytest.mark.parametrize("off", [-301, 301, 86_400, float("nan")])
def test_too_old_or_too_new(row, off):
    with pytest.raises(WebhookError, match="time"):
        verify(row, off=off)


@each
def test_own_tolerance(row):
    with pytest.raises(WebhookError):
        verify(row, off=11, tolerance_s=10)
    assert verify(row, off=900, tolerance_s=1000).task_id


@each
@given(data=st.data())
def test_any_changed_byte_is_refused(row, data):
    body = bytearray(row["body"].encode())
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WebhookError, match="no signature matches"):
        verify(row, body=bytes(body))


@each
@given(data=st.data())
def test_any_changed_character_of_the_headers_is_refused(row, data):
    name = data.draw(st.sampled_from(NAMES))
    value = headers(row)[name]
    position = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(
        st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != value[position])
    )
    with pytest.raises(WebhookError):
        # A changed time is within the tolerance of itself: only the signature can tell.
        verify(row, changed={name: value[:position] + other + value[position + 1 :]}, tolerance_s=1e18)


@each
@given(key=st.binary(min_size=1, max_size=64))
def test_any_other_secret_is_refused(row, key):
    secret = "whsec_" + base64.b64encode(key).decode()
    if secret != row["secret"]:
        with pytest.raises(WebhookError, match="no signature matches"):
            verify(row, secret=secret)


@each
@pytest.mark.parametrize("rest", [b" ", b"\n", b"\x00", b"{}"])
def test_longer_and_shorter_bodies_are_refused(row, rest):
    for body in (row["body"].encode() + rest, rest + row["body"].encode(), row["body"].encode()[:-1], b""):
        with pytest.raises(WebhookError):
            verify(row, body=body)


@each
def test_header_names_in_any_case_and_as_pairs(row):
    plain = headers(row)
    message = Message()
    for name, value in plain.items():
        message[name.title()] = value
    for form in (
        message,
        {name.title(): value for name, value in plain.items()},
        {name.upper(): value for name, value in plain.items()},
        list(plain.items()),
        [(name.encode(), value.encode()) for name, value in plain.items()],
        {**plain, "Content-Type": "application/json", "Cookie": "x"},
    ):
        assert verify(row, headers=form).task_id == row["task"]["task_id"]


@each
@pytest.mark.parametrize("order", ["{good} {bad}", "{bad} {good}", "{bad} {bad} {good}", "v2,x v1a,y {good}"])
def test_one_of_several_signatures_is_enough(row, order):
    bad = "v1," + base64.b64encode(bytes(32)).decode()
    value = order.format(good=row["signature"], bad=bad)
    assert verify(row, changed={"webhook-signature": value}).task_id


@each
@pytest.mark.parametrize(
    "value", ["", "v1,", "v1", "v2,{mac}", "{mac}", "v1a,{mac}", "v1,{mac}x", "V1,{mac}", "v1, {mac}"]
)
def test_signatures_of_another_form_are_refused(row, value):
    mac = row["signature"].removeprefix("v1,")
    with pytest.raises(WebhookError):
        verify(row, changed={"webhook-signature": value.format(mac=mac)})


@each
def test_secret_with_and_without_its_prefix(row):
    assert verify(row, secret=row["secret"].removeprefix("whsec_")).task_id


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["missing", "empty", "blank"])
def test_missing_headers_are_named(name, how):
    given = headers(VECTORS[0])
    if how == "missing":
        del given[name]
    else:
        given[name] = "" if how == "empty" else "  "
    with pytest.raises(WebhookError, match=name):
        verify(VECTORS[0], headers=given)


def test_a_header_given_twice_is_refused():
    pairs = [*headers(VECTORS[0]).items(), ("Webhook-Id", "other")]
    with pytest.raises(WebhookError, match="more than once"):
        verify(VECTORS[0], headers=pairs)


@pytest.mark.parametrize("stamp", ["-1", "1e9", "1781080794.0", "٣", "now", "9" * 5000, "0x10"])
def test_times_that_are_none(stamp):
    body = VECTORS[0]["body"].encode()
    with pytest.raises(WebhookError, match="webhook-timestamp"):
        verify(VECTORS[0], headers=signed(body, stamp=stamp), tolerance_s=1e18)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "no base64 at all", "whsec_a"])
def test_secrets_that_are_none(secret):
    with pytest.raises(WebhookError, match="secret"):
        verify(VECTORS[0], secret=secret)


@each
def test_text_counts_only_with_exactly_the_signed_bytes(row):
    assert verify(row, body=row["body"]).task_id
    for text in (row["body"].replace(":", ": "), row["body"] + "\n", "\ud800", ""):
        with pytest.raises(WebhookError, match="byte for byte"):
            verify(row, body=text)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"x", b"\xff", b'{"id":null}', b'{"task_id":""}', b"[" * 99_999]
)
def test_a_signed_body_without_a_task(body):
    with pytest.raises(WebhookError, match="no task"):
        verify(VECTORS[0], body=body, headers=signed(body))


def test_console_test_callback():
    body = b'{"id":"1","status":"submitted","outputs":[],"message":"","create_time":1,"update_time":2}'
    task = verify(VECTORS[0], body=body, headers=signed(body))
    assert (task.task_id, task.status) == ("1", kn.RunStatus.SUBMITTED)


@settings(max_examples=200)
@given(
    given=st.dictionaries(st.sampled_from([*NAMES, "x"]), st.text(), max_size=4),
    body=st.binary(max_size=80),
    secret=st.text(max_size=40),
)
def test_whatever_arrives_is_refused_in_order(given, body, secret):
    with pytest.raises(WebhookError):
        kn.verify_webhook(given, body, secret, now=0.0)


def test_no_secret_in_errors_and_reprs():
    bare = SECRET.removeprefix("whsec_")
    key = SigningKey.from_secret(SECRET)
    assert "testsecret" not in repr(key)
    for wrong in ({"off": 301}, {"body": b"x"}, {"secret": SECRET + "!"}):
        with pytest.raises(WebhookError) as caught:
            verify(VECTORS[0], **wrong)
        frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
        own = [frame for frame in frames if "kling_nb" in frame.filename]
        seen = " ".join(str(value) for frame in own for value in (frame.locals or {}).values())
        assert own
        assert bare not in seen + str(caught.value)

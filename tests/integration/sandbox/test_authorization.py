"""Credentials over real HTTP: missing, invalid, not yet valid, expired (spec/official-api.md §3)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest
from legacy_wire import PATH, created, refusal

NOT_A_TOKEN = "The token was expected to have 3 parts, but got 0"
KEY_NEEDED = (
    "Authentication error. The current API does not support AK/SK; please go to the console "
    "(https://kling.ai/dev/api-key) to create API key."
)


def token(access_key, secret_key, not_before, expires, header=None):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=")

    claims = {"iss": access_key, "exp": expires, "nbf": not_before}
    signed = part(header or {"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    mac = hmac.new(secret_key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


@pytest.fixture
def ask(sandbox):
    def ask(authorization, path=PATH):
        return sandbox.http.get(path, headers={"Authorization": authorization})

    return ask


@pytest.fixture
def sign(sandbox):
    def sign(access_key=None, secret_key=None, not_before=-5, lasts=1800, **rest):
        now = int(time.time())
        keys = (access_key or sandbox.access_key, secret_key or sandbox.secret_key)
        return "Bearer " + token(*keys, now + not_before, now + lasts, **rest)

    return sign


def test_token_and_key_are_both_accepted(sandbox, ask, sign):
    assert ask(sign()).status_code == 200
    assert ask(f"Bearer {sandbox.api_key}").status_code == 200
    assert ask(sign(), "/account/costs?start_time=1&end_time=2").status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer"])
def test_missing(ask, header):
    assert refusal(ask(header)) == (401, 1001, "Authorization is empty")


@pytest.mark.parametrize("credential", ["garbage", "a.b", "a.b.c.d", "api-key-kling-other"])
def test_no_token_at_all(ask, credential):
    assert refusal(ask(f"Bearer {credential}")) == (401, 1002, NOT_A_TOKEN)


def test_invalid(sandbox, ask, sign):
    signed = sign()
    altered = signed[:-2] + ("AA" if signed[-2:] != "AA" else "BB")
    wrong = [
        sign(access_key="ak-other"),
        sign(secret_key="sk-other"),
        sign(header={"alg": "none", "typ": "JWT"}),
        altered,
        "Bearer a.b.c",
        "Basic " + sandbox.api_key,
        "bearer " + sandbox.api_key,
        "Bearer  " + sandbox.api_key,
    ]
    for header in wrong:
        assert refusal(ask(header)) == (401, 1002, "Authorization is invalid"), header


def test_not_yet_valid_and_expired(ask, sign):
    assert refusal(ask(sign(not_before=60))) == (401, 1003, "Authorization is not yet valid")
    assert refusal(ask(sign(lasts=-1))) == (401, 1004, "Authorization has expired")
    # Invalid is told before the times are.
    assert refusal(ask(sign(secret_key="sk-other", lasts=-1)))[1] == 1002


def test_a_skewed_server_clock_shows_in_the_date_header(sandbox, ask, sign):
    sandbox.config(clock_offset=7200)
    answer = ask(sign())
    assert refusal(answer) == (401, 1004, "Authorization has expired")
    from email.utils import parsedate_to_datetime

    assert abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time() - 7200) < 60


@pytest.mark.parametrize("path", ["/image-to-video/kling-3.0", "/tasks", "/omni-video/kling-o1"])
def test_new_paths_take_keys_only(ask, sign, path):
    for header in (sign(), "Bearer garbage", sign(lasts=-1)):
        assert refusal(ask(header, path)) == (401, 1002, KEY_NEEDED)


def test_files_need_no_credential_but_control_routes_do(sandbox):
    import httpx

    with httpx.Client(base_url=sandbox.url, trust_env=False, timeout=60) as anonymous:
        assert anonymous.get("/sandbox/health").status_code == 401
        assert anonymous.post("/sandbox/reset").status_code == 401
        assert anonymous.get("/sandbox/files/1/2.mp4").status_code == 403


def test_control_routes_answer_loopback_names_only(sandbox):
    answer = sandbox.http.get("/sandbox/health", headers={"Host": "attacker.example"})
    assert answer.status_code == 403
    created(sandbox)
    answer = sandbox.http.post("/sandbox/reset", headers={"Host": "attacker.example:80"})
    assert answer.status_code == 403
    assert len(sandbox.tasks()) == 1

"""Token verification against the published vectors, with the clock held still (spec/official-api.md §3.1)."""

from __future__ import annotations

import pytest

from kling_nb.sandbox.config import Credentials
from kling_nb.sandbox.official.auth import authorize
from kling_nb.sandbox.official.messages import RefusedError

VECTORS = [
    (
        "ak-test",
        "sk-test",
        1699999995,
        1700001800,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhay10ZXN0IiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9"
        ".tMljlG8Xy1G8AKj5WkEZRcRIADvbH0FP6wgzpwHAfs4",
    ),
    (
        "AKLTsandbox0000000000000000000001",
        "0123456789abcdef0123456789abcdef",
        1799999995,
        1800001800,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBS0xUc2FuZGJveDAwMDAwMDAwMDAwMDAwMDAwMDAwMDEiLCJleHAiOjE4"
        "MDAwMDE4MDAsIm5iZiI6MTc5OTk5OTk5NX0.bkNAjN24kSRfhs-kR9_yF67K2bvIOgU6TV2Br2jb4hA",
    ),
]


def refused(header, credentials, now):
    with pytest.raises(RefusedError) as caught:
        authorize(header, credentials, now)
    return caught.value.status, caught.value.code


@pytest.mark.parametrize(("access", "secret", "not_before", "expires", "token"), VECTORS)
class TestVectors:
    def test_every_altered_character_is_refused(self, access, secret, not_before, expires, token):
        keys = Credentials(access_key=access, secret_key=secret)
        for index, character in enumerate(token):
            if character == ".":
                continue
            other = "A" if character != "A" else "B"
            altered = token[:index] + other + token[index + 1 :]
            assert refused(f"Bearer {altered}", keys, not_before + 5) == (401, 1002), index

    def test_the_window_of_validity(self, access, secret, not_before, expires, token):
        keys = Credentials(access_key=access, secret_key=secret)
        header = f"Bearer {token}"
        assert refused(header, keys, not_before - 1) == (401, 1003)
        authorize(header, keys, not_before)
        authorize(header, keys, expires - 1)
        assert refused(header, keys, expires) == (401, 1004)

    def test_other_keys_refuse_it(self, access, secret, not_before, expires, token):
        for keys in (Credentials(access_key=access), Credentials(secret_key=secret)):
            assert refused(f"Bearer {token}", keys, not_before + 5) == (401, 1002)

    def test_new_paths_do_not_take_it(self, access, secret, not_before, expires, token):
        keys = Credentials(access_key=access, secret_key=secret)
        with pytest.raises(RefusedError, match="does not support AK/SK"):
            authorize(f"Bearer {token}", keys, not_before + 5, "new")


def test_an_api_key_opens_both_generations():
    keys = Credentials()
    authorize("Bearer api-key-kling-sandbox", keys, 0)
    authorize("Bearer api-key-kling-sandbox", keys, 0, "new")


def test_credentials_do_not_show_themselves():
    assert "sk-sandbox" not in repr(Credentials())

"""Credentials: vectors, cache, sources, secrecy."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
import warnings

import httpx
import jwt
import pytest
from pydantic import SecretStr

from kling_nb import settings
from kling_nb.errors import SettingsError
from kling_nb.providers.official import DOOR as OFFICIAL
from kling_nb.transport.auth import Credential, HostAuth, sign
from kling_nb.transport.finding import find_credential

SHORT_KEY = "ignore::jwt.warnings.InsecureKeyLengthWarning"
AK, SK = "AKLTsandbox0000000000000000000001", "0123456789abcdef0123456789abcdef"
KEY = "api-key-kling-0123456789"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("API_KEY", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.delenv(f"KLING_{name}", raising=False)
        monkeypatch.delenv(f"KLINGAI_{name}", raising=False)


@pytest.mark.filterwarnings(SHORT_KEY)
@pytest.mark.parametrize(
    ("ak", "sk", "now", "token"),
    [
        (
            "ak-test",
            "sk-test",
            1700000000,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhay10ZXN0IiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5"
            "OTV9.tMljlG8Xy1G8AKj5WkEZRcRIADvbH0FP6wgzpwHAfs4",
        ),
        (
            AK,
            SK,
            1800000000,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBS0xUc2FuZGJveDAwMDAwMDAwMDAwMDAwMDAwMDAwMDEiLCJleHAi"
            "OjE4MDAwMDE4MDAsIm5iZiI6MTc5OTk5OTk5NX0.bkNAjN24kSRfhs-kR9_yF67K2bvIOgU6TV2Br2jb4hA",
        ),
    ],
)
def test_vectors_of_the_specification(ak, sk, now, token):
    assert sign(ak, sk, now + 0.9) == token
    assert Credential.access_key(ak, sk, "test").authorization(now) == f"Bearer {token}"


def test_api_key_is_sent_as_it_is_with_one_space():
    assert Credential.api_key(f" {KEY}\n", "test").authorization(0.0) == f"Bearer {KEY}"


def test_a_short_key_is_no_warning_in_the_notebook(recwarn):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        Credential.access_key("ak", "short", "test").authorization(1_700_000_000.0)
    assert not recwarn.list


def test_token_is_reused_until_120_s_before_its_end():
    credential = Credential.access_key(AK, SK, "test")
    first = credential.authorization(1_800_000_000.7)
    assert credential.authorization(1_800_000_000 + 1679.9) == first
    second = credential.authorization(1_800_000_000 + 1680)
    assert second != first
    claims = jwt.decode(
        second.split()[1], SK, algorithms=["HS256"], options={"verify_exp": False, "verify_nbf": False}
    )
    assert claims == {"iss": AK, "exp": 1_800_000_000 + 1680 + 1800, "nbf": 1_800_000_000 + 1680 - 5}


def test_token_from_the_future_is_signed_again_after_the_clock_was_set_back():
    credential = Credential.access_key(AK, SK, "test")
    first = credential.authorization(1_800_000_000)
    assert credential.authorization(1_800_000_000 - 3600) != first


def test_resign_makes_a_new_token_and_tells_whether_there_is_one():
    credential = Credential.access_key(AK, SK, "test")
    first = credential.authorization(1_800_000_000)
    assert credential.resign() is True
    assert credential.authorization(1_800_000_001) != first
    assert Credential.api_key(KEY, "test").resign() is False


@pytest.mark.parametrize(
    "bad",
    ["", "  ", "two words", "line\nbreak", "nul\0", "ak\tsk", "form\x0bfeed", "zero\u200bwidth", "k\u00e9y"],
)
def test_unusable_keys_are_refused_without_showing_them(bad):
    with pytest.raises(SettingsError) as caught:
        Credential.api_key(bad, "KLING_API_KEY")
    assert "KLING_API_KEY" in str(caught.value)
    assert not bad.strip() or bad.strip() not in str(caught.value)


def test_exactly_one_colon_splits_into_a_key_pair():
    pair = Credential.api_key(f"{AK}:{SK}", "KLING_API_KEY")
    assert pair.kind == "jwt"
    assert pair.authorization(1_800_000_000) == f"Bearer {sign(AK, SK, 1_800_000_000)}"
    assert Credential.api_key("a:b:c", "test").kind == "api-key"


@pytest.mark.parametrize("half", [f"{AK}:", f":{SK}"])
def test_half_a_pair_in_one_variable_is_refused(half):
    with pytest.raises(SettingsError):
        Credential.api_key(half, "KLING_API_KEY")


class TestSources:
    def find(self, **explicit):
        return find_credential(settings.load(**explicit), OFFICIAL)

    def test_none(self):
        assert self.find() is None

    def test_order(self, monkeypatch):
        monkeypatch.setenv("KLINGAI_ACCESS_KEY", "third")
        monkeypatch.setenv("KLINGAI_SECRET_KEY", SK)
        assert self.find().source == "KLINGAI_ACCESS_KEY + KLINGAI_SECRET_KEY"
        monkeypatch.setenv("KLING_ACCESS_KEY", "second")
        monkeypatch.setenv("KLING_SECRET_KEY", SK)
        assert self.find().source == "KLING_ACCESS_KEY + KLING_SECRET_KEY"
        monkeypatch.setenv("KLINGAI_API_KEY", KEY)
        assert self.find().source == "KLINGAI_API_KEY"
        monkeypatch.setenv("KLING_API_KEY", KEY)
        assert self.find().source == "KLING_API_KEY"
        pair = self.find(access_key=AK, secret_key=SK)
        assert (pair.source, pair.kind) == ("argument", "jwt")
        single = self.find(api_key=KEY, access_key=AK, secret_key=SK)
        assert (single.source, single.kind) == ("argument", "api-key")

    @pytest.mark.parametrize("present", ["KLING_ACCESS_KEY", "KLING_SECRET_KEY", "KLINGAI_SECRET_KEY"])
    def test_half_a_pair_names_the_missing_half(self, monkeypatch, present):
        monkeypatch.setenv(present, SK)
        with pytest.raises(SettingsError) as caught:
            self.find()
        missing = present.replace("ACCESS", "X").replace("SECRET", "ACCESS").replace("X", "SECRET")
        assert f"{missing} is not" in str(caught.value)
        assert SK not in str(caught.value)


class TestHostAuth:
    def header(self, base, url):
        auth = HostAuth(base, Credential.api_key(KEY, "test"), lambda: 0.0)
        request = next(auth.auth_flow(httpx.Request("GET", url)))
        return request.headers.get("Authorization")

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/v1/videos",
            "http://api-singapore.klingai.com/v1/videos",
            "https://api-singapore.klingai.com:8443/v1/videos",
            "https://api-singapore.klingai.com.evil.example/",
            "https://api-beijing.klingai.com/v1/videos",
        ],
    )
    def test_other_origins_never_see_the_credential(self, url):
        assert self.header("https://api-singapore.klingai.com", url) is None

    def test_its_own_origin_does(self):
        url = "https://API-singapore.klingai.com:443/v1/videos"
        assert self.header("https://api-singapore.klingai.com", url) == f"Bearer {KEY}"


class TestSecrecy:
    @pytest.fixture
    def credential(self):
        made = Credential.access_key(AK, SK, "KLING_ACCESS_KEY")
        made.authorization(1_800_000_000)
        return made

    def secrets(self, credential):
        return (AK, SK, credential.authorization(1_800_000_000).split()[1])

    def test_repr_str_format_and_inner_values(self, credential):
        auth = HostAuth("http://127.0.0.1:1", credential, lambda: 1_800_000_000.0)
        shown = [repr(credential), str(credential), f"{credential}", repr(auth), str(vars(auth))]
        shown += [repr(getattr(credential, name)) for name in credential.__slots__ if name != "_lock"]
        for text in shown:
            assert not any(secret in text for secret in self.secrets(credential))
        assert "KLING_ACCESS_KEY" in repr(credential)

    def test_cannot_be_pickled_or_copied_deeply(self, credential):
        with pytest.raises(TypeError):
            pickle.dumps(credential)
        with pytest.raises(TypeError):
            copy.deepcopy(credential)

    def test_settings_hide_secrets(self, monkeypatch):
        monkeypatch.setenv("KLING_API_KEY", KEY)
        loaded = settings.load(access_key=AK, secret_key=SK)
        for text in (repr(loaded), str(loaded), loaded.model_dump_json(), str(loaded.model_dump())):
            assert not any(secret in text for secret in (KEY, AK, SK))

    def test_traceback_with_local_variables(self, credential):
        auth = HostAuth("http://127.0.0.1:1", credential, lambda: 1 / 0)
        try:
            next(auth.auth_flow(httpx.Request("GET", "http://127.0.0.1:1/")))
        except ZeroDivisionError as error:
            text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert not any(secret in text for secret in self.secrets(credential))

    @pytest.mark.parametrize(
        "given",
        [
            {"api_key": f"{KEY}\tx"},
            {"api_key": f"{AK}\x0bx:{SK}"},
            {"access_key": AK, "secret_key": f"{SK} "[::-1] + f" {SK}"},
            {"access_key": f"{AK} x", "secret_key": SK},
        ],
    )
    def test_an_unusable_credential_is_not_in_tracebacks_with_local_variables(self, given):
        loaded = settings.load(**{name: SecretStr(value) for name, value in given.items()})
        with pytest.raises(SettingsError) as caught:
            find_credential(loaded, OFFICIAL)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        own = shown.stack.pop(0)
        text = "".join(shown.format()) + repr(vars(caught.value))
        assert own.name.startswith("test_an_unusable")
        assert not any(secret in text for secret in (KEY, AK, SK))
        assert caught.value.__context__ is None

    def test_nothing_is_logged(self, credential, caplog):
        caplog.set_level(logging.DEBUG)
        credential.resign()
        credential.authorization(1_800_000_000)
        assert not any(secret in caplog.text for secret in self.secrets(credential))

    def test_contains_finds_every_secret(self, credential):
        assert all(credential.contains(f"x{secret}y") for secret in self.secrets(credential))
        assert not credential.contains("nothing here")

"""https with an own certificate, for clients that insist on it (spec/sandbox.md §1)."""

from __future__ import annotations

import ssl
import subprocess
from shutil import which

import httpx
import pytest
from gateway_wire import AceData

from kling_nb.errors import SandboxError
from kling_nb.sandbox import launch

pytestmark = pytest.mark.skipif(which("openssl") is None, reason="no openssl to make a certificate with")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=sandbox",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    return folder


def test_everything_is_https_and_still_works(certificate, tmp_path, monkeypatch):
    monkeypatch.chdir(certificate)  # relative paths are those of the caller
    options = {"render": "off", "queued": 0.0, "min_processing": 0.0, "idle": 120}
    info = launch.start(tmp_path, tls_cert="cert.pem", tls_key="key.pem", **options)
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    try:
        assert info.url.startswith("https://127.0.0.1:")
        assert launch.find(tmp_path) == info
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{info.url}/sandbox/health", trust_env=False, timeout=60)
        with httpx.Client(base_url=info.url, verify=trusting, trust_env=False, timeout=30) as http:
            gateway = AceData(_Handle(info, http))
            assert gateway.image.startswith("https://")
            record = gateway.delivered(end_image_url=gateway.image, mode="pro")
            assert gateway.url(record).startswith(info.url)
            assert http.get(gateway.url(record)).headers["content-type"] == "video/mp4"
            with pytest.raises(httpx.RemoteProtocolError):
                gateway.create({"X-Sandbox-Fault": "drop-before"})
    finally:
        assert launch.stop(tmp_path)


class _Handle:
    """As much of a sandbox as the raw calls need, over https."""

    def __init__(self, info, http):
        self.acedata_token, self.http = info.acedata_token, http

    def upload(self, data):
        bearer = {"Authorization": f"Bearer {self.acedata_token}"}
        return self.http.post("/sandbox/uploads", content=data, headers=bearer).json()["url"]


def test_a_certificate_that_cannot_be_used_is_told(certificate, tmp_path):
    for cert, key in (("none.pem", "key.pem"), ("key.pem", "key.pem"), ("cert.pem", "")):
        keys = {"tls_key": str(certificate / key)} if key else {}
        with pytest.raises(SandboxError, match="certificate"):
            launch.start(tmp_path, tls_cert=str(certificate / cert), **keys)

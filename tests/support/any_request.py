"""Requests of any kind for every route of the sandbox, and what an answer must never show.

``ROUTES`` is the description the strategies are driven by: which dialect, method and path, which fields a
body has. Most requests are nearly right, because those get furthest.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import re
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from hypothesis import strategies as st
from legacy_wire import IMAGE

from kling_nb.sandbox.home import LOG_NAME

LEGACY = re.findall(
    r"\w+",
    """model_name image image_tail multi_shot shot_type prompt multi_prompt negative_prompt element_list
    voice_list sound cfg_scale mode static_mask dynamic_masks camera_control duration watermark_info
    callback_url external_task_id aspect_ratio video_id""",
)
ACEDATA = re.findall(
    r"\w+",
    """action async model mode prompt negative_prompt start_image_url end_image_url duration aspect_ratio
    cfg_scale camera_control generate_audio image_list video_list element_list voice_list multi_shot shot_type
    multi_prompt video_id callback_url static_mask timeout""",
)
AIML = re.findall(
    r"\w+",
    """model image_url prompt duration negative_prompt cfg_scale tail_image_url static_mask dynamic_masks
    camera_control generate_audio multi_prompt shot_type elements provider aspect_ratio
    advanced_camera_control last_image_url image_list""",
)
NEW = ["contents", "settings", "options", "prompt", "model"]
WINDOW = ["start_time", "end_time", "cursor", "limit", "filters", "task_ids"]


@dataclass(frozen=True)
class Route:
    """One route: the credential its dialect takes, its method and path, a body that would be accepted."""

    key: str
    method: str
    path: str
    fields: tuple[str, ...] = ()
    usual: dict[str, Any] = field(default_factory=dict)


_IMAGE = {"model_name": "kling-v2-6", "image": IMAGE, "prompt": "waves"}
_FRAMES = [{"type": "prompt", "text": "waves"}, {"type": "first_frame", "url": IMAGE}]
_ACE = {"action": "text2video", "async": True, "model": "kling-v2-6", "prompt": "waves"}
_AIML = {"model": "kling-video/v1/standard/image-to-video", "image_url": IMAGE, "prompt": "waves"}

ROUTES = (
    *(
        Route("api_key", method, f"/v1/videos/{name}", tuple(LEGACY), usual)
        for name, usual in (
            ("image2video", _IMAGE),
            ("text2video", {"model_name": "kling-v2-6", "prompt": "waves"}),
            ("video-extend", {"video_id": "7", "prompt": "on"}),
        )
        for method in ("POST", "GET")
    ),
    Route("api_key", "GET", "/v1/videos/image2video/{any}"),
    Route("api_key", "GET", "/v1/videos/text2video/{any}"),
    Route("api_key", "GET", "/v1/videos/video-extend/{any}"),
    Route("api_key", "POST", "/v1/videos/image-recognize", ("image",), {"image": IMAGE}),
    Route("api_key", "POST", "/v1/videos/lip-sync", ("video_id",)),
    Route("api_key", "POST", "/image-to-video/kling-3.0", tuple(NEW), {"contents": _FRAMES}),
    Route("api_key", "POST", "/image-to-video/{any}", tuple(NEW), {"contents": _FRAMES}),
    Route("api_key", "POST", "/text-to-video/kling-2.6", tuple(NEW), {"prompt": "waves"}),
    Route("api_key", "GET", "/tasks"),
    Route("api_key", "POST", "/tasks", tuple(WINDOW)),
    Route("api_key", "GET", "/account/costs"),
    Route("api_key", "POST", "/account/billing/package", tuple(WINDOW)),
    Route("acedata_token", "POST", "/kling/videos", tuple(ACEDATA), _ACE),
    Route("acedata_token", "POST", "/kling/tasks", ("id", "ids", "action"), {"action": "retrieve"}),
    Route("acedata_token", "GET", "/kling/{any}"),
    Route("aimlapi_key", "POST", "/v2/video/generations", tuple(AIML), _AIML),
    Route("aimlapi_key", "GET", "/v2/video/generations"),
    Route("aimlapi_key", "GET", "/v2/billing"),
    Route("api_key", "GET", "/sandbox/files/{any}/{any}"),
    Route("api_key", "GET", "/sandbox/uploads/{any}"),
    Route("api_key", "GET", "/sandbox/tasks/{any}"),
    Route("api_key", "GET", "/sandbox/health"),
    Route("api_key", "POST", "/{any}"),
)
QUERIES = (
    "pageNum", "pageSize", "task_ids", "external_task_ids", "generation_id", "start_time", "end_time",
    "resource_pack_name", "Expires", "Signature",
)  # fmt: skip

texts = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "5",
        "10",
        "on",
        "pro",
        "simple",
        "null",
        "http://",
        "http://[",
        "http://127.0.0.1:1/a.png",
        "//x",
        IMAGE,
        "file:///etc/passwd",
        "../../x",
        "a" * 300,
        "\x00",
        "\u202e",
        "<script>1</script>",
        "http://127.0.0.1:9\\@x",
    ]
)
numbers = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([10**400, 2**63, -1])
)
names = st.sampled_from(
    re.findall(
        r"\w+",
        """type text url id element_id voice_id enabled key values index prompt duration config zoom pan mask
        trajectories x y image_url video_url refer_type external_task_id callback_url resolution audio
        limit""",
    )
)
odd = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def nested(depth: int, kind: str = "[") -> str:
    """Return JSON that many levels deep."""
    return "[" * depth + "]" * depth if kind == "[" else '{"a":' * depth + "1" + "}" * depth


def _written(body: dict[str, Any], way: str, depth: int) -> bytes:
    text = json.dumps(body)
    if way == "deep":
        name, value = json.dumps(next(iter(body), "prompt")), nested(depth, "[{"[depth % 2])
        return f"{text[:-1]}{',' if body else ''}{name}:{value}}}".encode()
    return {
        "plain": text.encode(),
        "raw text": json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"),
        "mark": b"\xef\xbb\xbf" + text.encode(),
        "wide": text.encode("utf-16"),
        "latin": text.encode() + "é".encode("latin-1"),
        "half": text.encode()[: len(text) // 2],
        "surrogate": text.encode()[:-1] + b', "prompt": "\\ud800"}',
        "huge": text.encode()[:-1] + b', "duration": 1e999, "n": ' + b"9" * 5000 + b"}",
        "long": text.encode()[:-1] + b', "prompt": "' + b"x" * 400_000 + b'"}',
        "list": b"[" + text.encode() + b"]",
        "number": b"5",
        "nothing": b"",
        "zeros": b"\x00" * 40,
        "gzip": gzip.compress(text.encode()),
    }[way]


WAYS = (
    "raw text", "mark", "wide", "latin", "half", "surrogate", "huge", "long", "list", "number", "nothing",
    "zeros", "gzip", "deep",
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request: ``route``, ``method``, ``path``, ``headers``, ``body``, ``chunks``."""
    route = draw(st.sampled_from(ROUTES))
    usual = draw(st.integers(0, 9)) < 8
    method = (
        route.method if usual else draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]))
    )
    path = route.path
    while "{any}" in path:
        path = path.replace("{any}", quote(draw(texts | st.text(max_size=4)), safe="")[:600], 1)
    query = draw(
        st.dictionaries(st.sampled_from(QUERIES), texts | numbers.map(lambda n: str(n)[:60]), max_size=3)
    )
    if query:
        path += "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    changed = draw(st.dictionaries(st.sampled_from(route.fields), odd, max_size=3)) if route.fields else {}
    body = {**route.usual, **changed}
    way = "plain" if draw(st.integers(0, 9)) < 7 else draw(st.sampled_from(WAYS))
    return {
        "route": route,
        "method": method,
        "path": path,
        "headers": draw(headers(route.key)),
        "body": _written(body, way, draw(st.sampled_from([2, 120, 260, 990, 5000, 100_000])))
        if method in ("POST", "PUT", "PATCH")
        else b"",
        "chunked": draw(st.integers(0, 9)) == 0,
    }


@st.composite
def headers(draw: st.DrawFn, key: str) -> dict[str, str]:
    """Return header lines; ``{key}`` stands for the credential of that name."""
    lines = {"Authorization": f"Bearer {{{key}}}"}
    word = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
    for name, values in {
        "Authorization": st.sampled_from(
            ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer a.b.c", "Bearer {api_key}"]
        )
        | word.map(lambda token: f"Bearer {token}"),
        "Host": st.sampled_from(["[", "[::1", "evil.example", "a b", "127.0.0.1:99999", ""]) | word,
        "Content-Type": st.sampled_from(["text/plain", "multipart/form-data; boundary=x", ";;;"]),
        "Content-Encoding": st.sampled_from(["gzip", "br", "x"]),
        "Range": st.sampled_from(["bytes=0-0", "bytes=9-1", "bytes=-", "lines=1"]),
        "Expect": st.just("100-continue"),
        "X-Sandbox-Fault": st.sampled_from(["", "code:7", "nonsense", "delay:x", "status:\xff", "http:200"]),
        "Accept": word,
    }.items():
        if draw(st.integers(0, 15)) == 0:
            lines[name] = draw(values)
    return lines


def send(sandbox: Any, asked: dict[str, Any], seconds: float = 60.0) -> tuple[int, bytes]:
    """Send a request as it stands; return status and everything that came after the head.

    Plain sockets: no library between the strategy and the server could put anything right.
    """
    address = urlsplit(sandbox.url)
    lines = {"Host": address.netloc, "Content-Type": "application/json", "Connection": "close"}
    keys = {name: getattr(sandbox, name) for name in ("api_key", "acedata_token", "aimlapi_key")}
    for name, value in asked["headers"].items():
        lines[name] = value
        for key, secret in keys.items():
            lines[name] = lines[name].replace(f"{{{key}}}", secret)
    body = asked["body"]
    if asked["chunked"]:
        lines["Transfer-Encoding"] = "chunked"
        parts = [body[start : start + 70_000] for start in range(0, len(body), 70_000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    elif body or asked["method"] == "POST":
        lines["Content-Length"] = str(len(body))
    head = f"{asked['method']} {asked['path']} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    return raw(sandbox, head.encode("latin-1") + body, seconds, ends=False)


def raw(sandbox: Any, data: bytes, seconds: float = 60.0, *, ends: bool = True) -> tuple[int, bytes]:
    """Send bytes; return the status, 0 for a connection that was closed without an answer, and the answer.

    ``ends`` tells the server that nothing more comes, which the server takes for the end of the connection.
    """
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port), seconds) as connection:
        parts = []
        # A server that refuses a request before it has all of it answers and closes: the answer counts.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            if ends:
                _end(connection)
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                parts.append(part)
    answer = b"".join(parts)
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    if found and found[1] == b"100":
        found = re.search(rb"\r\n\r\nHTTP/1\.1 (\d{3})", answer)
    return int(found[1]) if found else 0, answer


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError as error:
        # The server has closed it already.
        if error.errno != errno.ENOTCONN:
            raise


def leaks(sandbox: Any, answer: bytes) -> list[str]:
    """Return what an answer shows that it must not."""
    secrets = [getattr(sandbox, name) for name in ("secret_key", "api_key", "acedata_token", "aimlapi_key")]
    signs = [*secrets, "Traceback", 'File "', "site-packages", "kling_nb/", ".py:"]
    text = answer.decode("utf-8", "replace")
    shown = [sign for sign in signs if sign in text]
    return shown + ([str(sandbox.home)] if str(sandbox.home) in text and b'"pid"' not in answer else [])


def log_of(sandbox: Any) -> str:
    """Return what the server has said since it was started, in whichever test."""
    return (sandbox.home / LOG_NAME).read_text(encoding="utf-8", errors="replace")


def troubles(sandbox: Any, log_before: str) -> list[str]:
    """Return what is wrong with the server after everything: its log since then, its tasks, its books."""
    found = []
    log = log_of(sandbox).removeprefix(log_before)
    if "Traceback" in log:
        found.append(log[-3000:])
    tasks = sandbox.tasks()
    found += [str(task["notes"]) for task in tasks if task["message"] == "internal error"]
    sandbox.control("GET", "health")
    pack = sandbox.http.get("/account/costs", params={"start_time": 0, "end_time": 2_000_000_000_000}).json()
    (row,) = pack["data"]["resource_pack_subscribe_infos"]
    left = float(row["total_quantity"]) - float(row["remaining_quantity"])
    held = sum(float(units) for units in sandbox.charges())
    if abs(left - held) > 0.01:
        found.append(f"the pack lost {left} units, the tasks hold {held}")
    return found

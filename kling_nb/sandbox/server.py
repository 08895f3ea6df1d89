"""The server process: socket, lock, ready line, uvicorn, end when idle or homeless (spec/sandbox.md §1)."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from kling_nb.errors import SandboxError
from kling_nb.sandbox.app import create_app
from kling_nb.sandbox.config import Config, Credentials
from kling_nb.sandbox.connection import FaultyProtocol
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.home import SandboxInfo, names_another, read_state, serving, write_state

IDLE_CHECK_S = 1.0
KEEP_ALIVE_S = 75
BACKLOG = 1024
LAST_ANSWERS_S = 2


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve. ``port`` 0 takes the last port of the home when it is free, else any."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 0
    idle_s: float = 1800.0


def serve(options: ServeOptions, config: Config, credentials: Credentials) -> int:
    """Serve until told to stop or idle; return the exit code.

    Raises
    ------
    SandboxError
        The address cannot be used, or the home is served by another process.
    """
    home = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with serving(home) as mine:
        if not mine:
            raise SandboxError(
                f"A sandbox already serves {home}",
                "One home has one server.",
                "Use the running one, or choose another --home.",
            )
        _check_certificate(config)
        listener = _listen(options, home)
        sandbox = Sandbox(home, config, credentials)
        host, port = listener.getsockname()[:2]
        scheme = "https" if config.tls_cert else "http"
        sandbox.base_url = f"{scheme}://{_written(host)}:{port}"
        _announce(sandbox, port)
        asyncio.run(_run(sandbox, listener, options.idle_s))
    return 0


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _check_certificate(config: Config) -> None:
    if not config.tls_cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_cert, config.tls_key or None)
    except OSError as error:  # ssl.SSLError is one
        raise SandboxError(
            "The sandbox cannot use its certificate.",
            f"{error.strerror or error}: {config.tls_cert} {config.tls_key}".strip(),
            "Give PEM files with --tls-cert and --tls-key.",
        ) from None


def _listen(options: ServeOptions, home: Path) -> socket.socket:
    last = read_state(home)
    wanted = [options.port] if options.port or last is None else [last.port, 0]
    for port in wanted:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        # With the protocol named, asyncio sets TCP_NODELAY; otherwise every answer waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # Connections of the previous process may linger on its port; they must not keep it from us.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((options.host, port))
        except OSError as error:
            listener.close()
            failure = error
            continue
        listener.listen(BACKLOG)
        return listener
    raise SandboxError(
        f"The sandbox cannot listen on {options.host}:{options.port}", str(failure), "Choose another --port."
    )


def _announce(sandbox: Sandbox, port: int) -> None:
    keys = sandbox.credentials
    info = SandboxInfo(
        url=sandbox.base_url,
        pid=os.getpid(),
        port=port,
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        api_key=keys.api_key,
        acedata_token=keys.acedata_token,
        aimlapi_key=keys.aimlapi_key,
        home=str(sandbox.home),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tls_cert=str(Path(sandbox.config.tls_cert).resolve()) if sandbox.config.tls_cert else "",
    )
    write_state(sandbox.home, info)
    line = {
        "url": info.url,
        "access_key": keys.access_key,
        "secret_key": keys.secret_key,
        "api_key": keys.api_key,
        "acedata_token": info.acedata_token,
        "aimlapi_key": info.aimlapi_key,
        "home": info.home,
        "pid": info.pid,
    }
    # The socket listens already: whoever reads this line can connect.
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def _run(sandbox: Sandbox, listener: socket.socket, idle_s: float) -> None:
    config = uvicorn.Config(
        create_app(sandbox),
        http=FaultyProtocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LAST_ANSWERS_S,
        ssl_certfile=sandbox.config.tls_cert or None,
        ssl_keyfile=sandbox.config.tls_key or None,
    )
    server = uvicorn.Server(config)
    sandbox.ending = lambda: server.should_exit
    watch = asyncio.create_task(_stop_when_idle(server, sandbox, idle_s))
    await server.serve(sockets=[listener])
    watch.cancel()


async def _stop_when_idle(server: uvicorn.Server, sandbox: Sandbox, idle_s: float) -> None:
    while not server.should_exit:
        await asyncio.sleep(min(IDLE_CHECK_S, idle_s / 2))
        left_alone = sandbox.idle_for() > idle_s or names_another(sandbox.home, os.getpid())
        server.should_exit = server.should_exit or left_alone

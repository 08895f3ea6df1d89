"""``python -m kling_nb.sandbox``: serve a local Kling until stopped."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kling_nb.errors import SandboxError
from kling_nb.sandbox.config import Config, Credentials
from kling_nb.sandbox.server import ServeOptions, serve


def parser() -> argparse.ArgumentParser:
    """Return the command line: serve options, credentials, and one option for each switch."""
    line = argparse.ArgumentParser("python -m kling_nb.sandbox", description=__doc__, allow_abbrev=False)
    line.add_argument("--home", type=Path, required=True, help="folder of the task store and the videos")
    line.add_argument("--port", type=int, default=0, help="0: the last port of this home if free, else any")
    line.add_argument("--host", default="127.0.0.1", help="other than loopback needs --allow-remote")
    line.add_argument("--allow-remote", action="store_true", help="let other machines reach the sandbox")
    line.add_argument(
        "--idle", type=float, default=1800.0, metavar="S", help="end after so many idle seconds"
    )
    line.add_argument(
        "--secrets-from-stdin",
        action="store_true",
        help="read credentials and callback_secret as JSON from standard input; options show in `ps`",
    )
    for credential in fields(Credentials):
        line.add_argument(f"--{credential.name.replace('_', '-')}", default=credential.default)
    for name in Config.model_fields:
        line.add_argument(f"--{name.replace('_', '-')}", dest=f"switch_{name}", metavar="VALUE")
    return line


def _switches(given: argparse.Namespace) -> Config:
    chosen = {
        name: text if field.annotation is str else _value(text)
        for name, field in Config.model_fields.items()
        if (text := getattr(given, f"switch_{name}")) is not None
    }
    return Config.model_validate(chosen)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    line = parser()
    given = line.parse_args(arguments)
    if given.host not in ("127.0.0.1", "::1", "localhost") and not given.allow_remote:
        line.error("listening on another address than loopback needs --allow-remote")
    if given.secrets_from_stdin:
        for name, value in json.load(sys.stdin).items():
            setattr(given, f"switch_{name}" if name in Config.model_fields else name, str(value))
    try:
        config = _switches(given)
    except ValidationError as error:
        line.error("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))
    credentials = Credentials(**{c.name: getattr(given, c.name) for c in fields(Credentials)})
    try:
        return serve(ServeOptions(given.home, given.host, given.port, given.idle), config, credentials)
    except KeyboardInterrupt:
        return 130
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 3


if __name__ == "__main__":
    sys.exit(main())

"""Is everything in place? One line a check, nothing is charged (``spec/user-needs.md`` §8)."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from kling_nb import keys, providers
from kling_nb.domain import capabilities
from kling_nb.errors import KlingError, printable
from kling_nb.session.doors import credential_of, door_of

if TYPE_CHECKING:
    from kling_nb.session.looking import LookingSession
    from kling_nb.session.service import Service

SKEW_S = 60.0
"""Clock difference that is worth a warning; a token is refused beyond half an hour."""

LOW_DISK_BYTES = 1_000_000_000
DAY_MS = 86_400_000
MARKS = {True: "✓", False: "✗", None: "·"}


@dataclass(frozen=True, slots=True)
class DoctorLine:
    """One check.

    Parameters
    ----------
    name
        What was looked at.
    ok
        True, False, or None for something to know that is neither.
    text
        What was found.
    advice
        What to do; empty when nothing.
    """

    name: str
    ok: bool | None
    text: str
    advice: str = ""

    def __str__(self) -> str:
        said = f"{MARKS[self.ok]} {self.name}: {self.text}" + (f" → {self.advice}" if self.advice else "")
        return printable(said)


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All checks, in order."""

    lines: tuple[DoctorLine, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return all(line.ok is not False for line in self.lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "<pre>" + escape(str(self)) + "</pre>"


def examine(session: LookingSession, provider: str | None) -> DoctorReport:
    """Make all checks; one that fails never keeps the others from being made."""
    choice = session.choose_provider(provider)
    checks: list[tuple[str, Callable[[], Iterator[DoctorLine]]]] = [
        ("provider", lambda: _provider(session, choice.provider, choice.reason)),
        ("service", lambda: _service(session, choice.provider)),
        ("other doors", lambda: _others(session, choice.provider)),
        ("models", lambda: _models(choice.provider)),
        ("run log", lambda: _log(session)),
        ("media", lambda: _media(session)),
        ("disk", lambda: _disk(session.home)),
        ("runs", lambda: _unfinished(session)),
        ("video", _codec),
        ("widgets", _front_end),
        ("loop", _loop),
        ("sandbox", lambda: _sandbox(session)),
    ]
    lines: list[DoctorLine] = []
    for name, check in checks:
        try:
            lines += check()
        except KlingError as error:
            line = DoctorLine(name, ok=False, text=f"{error.what} {error.why}".strip(), advice=error.advice)
            # Without a credential neither address nor access can be told: once is enough.
            lines += [line] if line.text not in {each.text for each in lines} else []
        except Exception as error:
            lines.append(DoctorLine(name, ok=False, text=f"{type(error).__name__}: {error}"))
    return DoctorReport(tuple(lines))


def _provider(session: LookingSession, name: str, reason: str) -> Iterator[DoctorLine]:
    yield DoctorLine("provider", ok=True, text=f"{name} ({reason})")
    local = providers.is_local(name)
    credential = None if local else credential_of(session.settings, door_of(name))
    yield DoctorLine("address", ok=True, text=session.address(name))
    if local:
        yield DoctorLine("credential", ok=True, text="the sandbox's own; none of yours is needed")
    elif credential is not None:
        yield DoctorLine("credential", ok=True, text=f"{credential.kind} from {credential.source}")
    for trouble in keys.troubles():
        yield DoctorLine("keys", ok=None, text=trouble)


def _service(session: LookingSession, name: str) -> Iterator[DoctorLine]:
    def check(service: Service) -> None:
        service.provider.decode_check(session.ask(lambda s: s.provider.check(str(uuid4())), name))

    service = session.service(name)
    error: KlingError | None = None
    try:
        check(service)
    except KlingError as caught:
        error = caught
    skew = service.client.clock_skew
    if skew is not None:
        # The header counts whole seconds and the answer was on its way for a moment.
        side = "ahead of" if skew > 0 else "behind"
        text = "agrees with the service's" if abs(skew) < 2 else f"{abs(skew):.0f} s {side} the service's"
        yield DoctorLine(
            "clock", ok=abs(skew) <= SKEW_S, text=text, advice="" if abs(skew) <= SKEW_S else "set the clock"
        )
    if error is not None:
        yield DoctorLine("access", ok=False, text=f"{error.what} {error.why}", advice=error.advice)
        return
    yield DoctorLine("access", ok=True, text="the service accepts the credential")
    yield from _balance(session, service, name)


def _balance(session: LookingSession, service: Service, name: str) -> Iterator[DoctorLine]:
    now = int(time.time() * 1000)
    call = service.provider.account(now - 30 * DAY_MS, now)
    if call is None:
        where = service.provider.door.console_url
        yield DoctorLine("balance", ok=None, text=f"{service.provider.door.title} tells none; see {where}")
        return
    answer = session.ask(lambda _: call, name)
    packs = service.provider.decode_account(answer)
    if not packs:
        yield DoctorLine("balance", ok=None, text="no resource packs (a postpaid account shows none)")
    for pack in packs:
        ends = (
            ""
            if pack.expires_ms is None
            else f", until {datetime.fromtimestamp(pack.expires_ms / 1000, UTC):%Y-%m-%d}"
        )
        left = "?" if pack.remaining is None else f"{pack.remaining:g}"
        total = "" if pack.total is None else f" of {pack.total:g}"
        good = pack.status == "online" and pack.remaining != 0
        text = f"{pack.name}: {left}{total} {pack.currency}, {pack.status}{ends}"
        yield DoctorLine("balance", ok=good, text=text)


def _others(session: LookingSession, name: str) -> Iterator[DoctorLine]:
    """Say which other ways to Kling are open; nothing is asked."""
    told = []
    for other in providers.door_names():
        if other == name:
            continue
        try:
            credential = credential_of(session.settings, door_of(other))
        except KlingError as error:
            told.append(f"{other} ({error.what})")
        else:
            told.append(f"{other} ({credential.source if credential else 'no credential'})")
    yield DoctorLine("other doors", ok=None, text=", ".join(told))


def _models(provider: str) -> Iterator[DoctorLine]:
    door = door_of(provider)
    grid = door.grids.get("image2video")
    if grid is None:
        yield DoctorLine("models", ok=None, text=f"no table for {door.title}: the service alone knows")
        return
    retired = capabilities.retired_models(provider, dated=door.retires, models=grid.models)
    served = [model for model in grid.models if model not in retired]
    yield DoctorLine("models", ok=True, text=f"served: {', '.join(served)} (table of {capabilities.AS_OF})")
    if door.brush and grid.alternatives(capabilities.Feature.BRUSH, exclude=retired):
        yield DoctorLine("motion brush", ok=True, text="available")
    else:
        yield DoctorLine(
            "motion brush", ok=None, text=door.brush_note or "no masks", advice="provider sandbox has it"
        )


def _log(session: LookingSession) -> Iterator[DoctorLine]:
    session.log.check()
    folder = next(path for path in (session.home, *session.home.parents) if path.exists())
    with tempfile.TemporaryFile(dir=folder):
        pass
    yield DoctorLine("run log", ok=True, text=f"writable, {session.log.location}")


def _media(session: LookingSession) -> Iterator[DoctorLine]:
    """Say whether the team's store can be written and read; without a store, nothing."""
    if session.shelf is None:
        return
    session.shelf.check()
    waiting = session.shelf.waiting()
    later = f"; files of {waiting} runs are still to be sent" if waiting else ""
    yield DoctorLine("media", ok=True, text=f"copies go to {session.settings.media_url}{later}")


def _disk(home: Path) -> Iterator[DoctorLine]:
    folder = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    enough = free >= LOW_DISK_BYTES
    yield DoctorLine(
        "disk", ok=enough, text=f"{free / 1e9:.1f} GB free", advice="" if enough else "make room for videos"
    )


def _unfinished(session: LookingSession) -> Iterator[DoctorLine]:
    count = len(session.unfinished())
    yield DoctorLine(
        "runs",
        ok=None if count else True,
        text=f"{count} unfinished",
        advice="%kling resume" if count else "",
    )


def _codec() -> Iterator[DoctorLine]:
    import numpy as np  # noqa: PLC0415 - loaded by those who ask the doctor

    from kling_nb import media, render  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "second.mp4"
        picture = np.full((320, 320, 3), 128, dtype=np.uint8)
        begin = time.perf_counter()
        render.render_video(render.RenderPlan(picture, 320, 320, frames=25), target)
        spent = time.perf_counter() - begin
        info = media.probe(target)
        shown = sum(1 for _ in media.frames(target))
    yield DoctorLine(
        "video",
        ok=shown == info.frames,
        text=f"1 s rendered, {shown} frames decoded ({info.codec}) in {spent:.1f} s",
    )


def _front_end() -> Iterator[DoctorLine]:
    names = ("ipywidgets", "ipycanvas", "anywidget")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        yield DoctorLine(
            "widgets",
            ok=False,
            text=f"missing: {', '.join(missing)}",
            advice=f"%pip install {' '.join(missing)}",
        )
        return
    found = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    prefix = Path(sys.prefix) / "share/jupyter/labextensions"
    here = (prefix / "@jupyter-widgets/jupyterlab-manager").exists()
    yield DoctorLine(
        "widgets",
        ok=True if here else None,
        text=found,
        advice="" if here else "JupyterLab runs from another environment; it needs jupyterlab_widgets there",
    )


def _loop() -> Iterator[DoctorLine]:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        yield DoctorLine(
            "loop", ok=True, text="none running here; runs are followed on a thread of their own"
        )
        return
    yield DoctorLine("loop", ok=True, text="the kernel's loop runs and is left alone; await run works")


def _sandbox(session: LookingSession) -> Iterator[DoctorLine]:
    begin = time.perf_counter()
    info = session.sandbox(start=True)
    assert info is not None
    spent = time.perf_counter() - begin
    yield DoctorLine("sandbox", ok=True, text=f"answers at {info.url} after {spent:.1f} s")

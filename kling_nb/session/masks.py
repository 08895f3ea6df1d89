"""Masks proposed by the service (``image-recognize``, ``spec/official-api.md`` §15): 0.1 unit a picture.

The call answers at once and has neither task nor video, yet it costs: it gets a row in the run log, budgets
count it, and the same picture is never paid for twice.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kling_nb import media, providers
from kling_nb.domain.budget import REAL, SANDBOX_PURSE
from kling_nb.domain.capabilities import USD_PER_UNIT
from kling_nb.domain.mask import mask_bits, resize_nearest
from kling_nb.domain.task import RunStatus
from kling_nb.errors import AnswerLost, InputError, KlingError, ServiceError, SubmitUncertain
from kling_nb.runlog import RunRecord
from kling_nb.session.budget import caps_of
from kling_nb.session.doors import server_of
from kling_nb.session.leases import LEASE_S
from kling_nb.session.owner import Owner
from kling_nb.session.records import versions
from kling_nb.session.troubles import error_columns, error_of
from kling_nb.transport.download import download
from kling_nb.transport.loop import background

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kling_nb.domain.images import ImageRef
    from kling_nb.providers.base import Segment
    from kling_nb.session.core import SessionCore
    from kling_nb.session.service import Service

    Bits = NDArray[np.bool_]

RECOGNIZE: Final = "image-recognize"
"""Form of such a row."""

UNITS: Final = Decimal("0.1")
MASK_BYTES: Final = 50_000_000
_PLACES: Final = "masks_at"
_DIGESTS: Final = "masks"
"""Keys in ``answers``: kind of region -> address, and -> digest of the file in the input store."""


@dataclass(frozen=True, slots=True, repr=False)
class Masks(Mapping[str, "Bits"]):
    """Regions the service found in a picture, by name; each is usable directly as a brush mask.

    Parameters
    ----------
    found
        Name (``object``, ``head``, ``face``, ``cloth``) -> (H, W) booleans of the picture's size.
    missing
        Kinds of region the picture has none of.
    run_id
        Row of the log that says what it cost.
    units
        What this call was charged: 0 when the masks were known, None at the sandbox.

    Examples
    --------
    >>> boat = kn.masks("boat.jpg")["object"]  # doctest: +SKIP
    >>> brush = kn.MotionBrush("boat.jpg").dynamic(boat, [(120, 300), (400, 290)])  # doctest: +SKIP
    """

    found: Mapping[str, Bits]
    missing: tuple[str, ...]
    run_id: str
    units: Decimal | None

    def __getitem__(self, name: str) -> Bits:
        """Return one mask."""
        if name not in self.found:
            why = "the service found none" if name in self.missing else "there is no such kind"
            raise KeyError(f"{name!r}: {why}; found: {', '.join(self.found) or 'nothing'}")
        return self.found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        shares = [f"{name} ({mask.mean():.0%} of the picture)" for name, mask in self.found.items()]
        return f"<Masks {', '.join(shares) or 'nothing found'}>"


def find_masks(
    session: SessionCore,
    picture: Any,
    provider: str | None,
    *,
    again: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> Masks:
    """Have the service look for regions in a picture.

    Parameters
    ----------
    session
        Whose log and services are used.
    picture
        Anything :func:`kling_nb.media.load_image` takes.
    provider
        Whom to ask; None chooses as for a run.
    again
        Ask although the same picture was asked for before.
    told
        Called with one sentence about the price before anything is sent.

    Raises
    ------
    InputError
        The provider has no such call.
    BudgetError
        A budget forbids it.
    SubmitUncertain
        It was sent and its answer was lost: it may have been charged.
    """
    name = session.choose_provider(provider).provider
    image = media.load_image(picture)
    _check_able(name)
    where = session.address(name)
    service = session.service(name)
    call = service.provider.recognize(_on_the_wire(image))
    assert call is not None
    record = _row(session, name, image, where, call.path, again=again)
    with session.turn:
        held = session.log.claim(record, again=again, caps=caps_of(session.settings))
    if held.id != record.id:
        told(f"the masks of this picture are known already (run {held.id}): no charge")
        return _known(session, held, image)
    told(_price(name))
    segments = _ask(session, service, record, image)
    return _kept(session, record, segments, image)


def _check_able(name: str) -> None:
    if providers.get(name).recognize("") is not None:
        return
    able = [other for other in providers.names() if providers.get(other).recognize("") is not None]
    raise InputError(
        f"{providers.get(name).door.title} does not look for masks in pictures.",
        f"These do: {', '.join(able)}.",
        "Give one of them as provider=, or draw roughly on the pad and press Snap to edges: local and free.",
    )


def _on_the_wire(image: ImageRef) -> str:
    return image.url or media.to_base64(image.data or b"")


def _price(name: str) -> str:
    dollars = (UNITS * USD_PER_UNIT).normalize()
    free = "; the sandbox charges nothing" if providers.is_local(name) else ""
    return f"looking for masks at {name}: {UNITS} unit (${dollars} list){free}"


def _row(
    session: SessionCore, name: str, image: ImageRef, base_url: str, path: str, *, again: bool
) -> RunRecord:
    what = image.sha256 or image.url or ""
    place = server_of(name, session.settings)
    identity = hashlib.sha256(f"{RECOGNIZE} {place} {what}".encode()).hexdigest()
    return RunRecord(
        provider=name,
        base_url=base_url,
        endpoint=path,
        form=RECOGNIZE,
        image_source=image.source or image.url,
        image_sha256=image.sha256,
        image_bytes=image.nbytes or None,
        image_width=image.width,
        image_height=image.height,
        identity=identity,
        estimate_units=UNITS,
        estimate_usd=UNITS * USD_PER_UNIT,
        estimate_mark="official",
        purse=SANDBOX_PURSE if providers.is_local(name) else REAL,
        again=again,
        versions=versions(),
        owner=str(Owner.current()),
        lease_until=datetime.now(UTC) + timedelta(seconds=LEASE_S),
    )


def _ask(session: SessionCore, service: Service, record: RunRecord, image: ImageRef) -> list[Segment]:
    """Send the call once, and write down what became of it; it is never repeated by itself."""
    if image.data is not None:
        session.inputs.put(image.data, image.format or "PNG")
    _write(session, record, sending_at=datetime.now(UTC))
    error: KlingError
    try:
        return background().call(service.recognize(_on_the_wire(image)))
    except (AnswerLost, ServiceError) as lost:
        error = SubmitUncertain(
            "The answer with the masks was lost.",
            f"{lost.what} {lost.why} It may have cost {UNITS} unit.".strip(),
            "again=True asks once more.",
            run_id=record.id,
        )
        _write(session, record, status=RunStatus.UNCERTAIN, **error_columns(error, {}))
    except KlingError as refused:
        error = refused
        ended = {"status": RunStatus.FAILED, "finished_at": datetime.now(UTC), "actual_units": Decimal(0)}
        _write(session, record, **ended, **error_columns(refused, {}))
    except BaseException:  # Interrupt: nobody waits for the answer any more.
        _write(session, record, owner=None, lease_until=None)
        raise
    raise error


def _kept(session: SessionCore, record: RunRecord, segments: list[Segment], image: ImageRef) -> Masks:
    """End the row with what was paid for, then bring the masks home."""
    places = {_short(segment.type): segment.url if segment.found else None for segment in segments}
    now = datetime.now(UTC)
    done = {"status": RunStatus.SUCCEEDED, "finished_at": now, "downloaded_at": now, "actual_units": UNITS}
    _write(session, record, **done, answers={_PLACES: places})
    return _fetched(session, record, places, image, None if _is_free(record) else UNITS)


def _fetched(
    session: SessionCore,
    record: RunRecord,
    places: Mapping[str, str | None],
    image: ImageRef,
    units: Decimal | None,
) -> Masks:
    """Fetch the masks and keep them beside the inputs."""
    service = session.service(record.provider or "")
    kept = {name: None if url is None else _stored(session, service, url) for name, url in places.items()}
    _write(session, record, answers={_PLACES: dict(places), _DIGESTS: kept})
    return _read(session, record.id, kept, image, units)


def _stored(session: SessionCore, service: Service, url: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "mask.png"
        where = service.resolve(url)
        fetch = download(where, target, max_bytes=MASK_BYTES, reach=service.reach, picture=True)
        background().call(fetch)
        picture = media.decode_image(target.read_bytes())
    return session.inputs.put(media.image_bytes(picture, "PNG"), "PNG")


def _known(session: SessionCore, record: RunRecord, image: ImageRef) -> Masks:
    """Return masks that were paid for before."""
    if isinstance(kept := record.answers.get(_DIGESTS), dict):
        return _read(session, record.id, kept, image, Decimal(0))
    if isinstance(places := record.answers.get(_PLACES), dict):
        return _fetched(session, record, places, image, Decimal(0))
    if record.status is RunStatus.CREATED and _is_asked_for(record):
        raise KlingError(
            "The masks of this picture are being asked for right now.",
            f"Another cell or kernel sent run {record.id} a moment ago; nothing was sent now.",
            "Run the cell again in a few seconds: they will be known then, free of charge.",
            run_id=record.id,
        )
    raise error_of(record) or SubmitUncertain(
        "The masks of this picture were asked for, and what became of it is not known.",
        f"Run {record.id} was cut off; it may have cost {UNITS} unit.",
        "again=True asks once more.",
        run_id=record.id,
    )


def _is_asked_for(record: RunRecord) -> bool:
    """Whether whoever asks for the masks is still at it."""
    other = Owner.parse(record.owner or "")
    late = record.lease_until is None or record.lease_until < datetime.now(UTC)
    return other is not None and not late and not other.is_gone(Owner.current())


def _read(
    session: SessionCore, run_id: str, kept: Mapping[str, str | None], image: ImageRef, units: Decimal | None
) -> Masks:
    found = {}
    for name, digest in kept.items():
        if digest is not None:
            bits = mask_bits(media.decode_image(session.inputs.get(digest)))
            size = image.size or (bits.shape[1], bits.shape[0])
            found[name] = bits if size == (bits.shape[1], bits.shape[0]) else resize_nearest(bits, size)
    return Masks(found, tuple(name for name, digest in kept.items() if digest is None), run_id, units)


def _write(session: SessionCore, record: RunRecord, **columns: Any) -> None:
    ended = {"owner": None, "lease_until": None} if "status" in columns else {}
    with session.turn:
        session.log.update(record.id, **columns, **ended)


def _short(name: str) -> str:
    return name.removesuffix("_seg")


def _is_free(record: RunRecord) -> bool:
    return providers.is_local(record.provider or "")

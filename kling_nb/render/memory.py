"""Results of costly steps, kept for the next render of nearly the same thing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class Memory:
    """Keeps what was computed from equal inputs, up to a number of bytes; what was unused longest goes first.

    A step asked for through a memory gives exactly what it gives without one: the key is the content of
    everything that goes in. Safe to share between threads.

    Parameters
    ----------
    max_bytes
        Bound on the arrays kept. 0 keeps nothing and reads no inputs.
    """

    def __init__(self, max_bytes: int = 0) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()
        self.nbytes = 0
        self.hits = 0

    def get(self, step: str, inputs: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return the result of a step, computed now or earlier.

        Parameters
        ----------
        step
            Name of the step.
        inputs
            Everything that decides the result, as :func:`content_digest` takes it.
        make
            Computes it. The arrays in its result become read-only, because later renders share them.
        """
        if not self._max_bytes:
            return make()
        key = content_digest(step, *inputs)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                self.hits += 1
                return self._kept[key][0]  # type: ignore[no-any-return]  # the key names the step and so the type
        made = make()
        weight = sum(_sealed(array) for array in _arrays(made))
        with self._lock:
            if key not in self._kept and weight <= self._max_bytes:
                self._kept[key] = (made, weight)
                self.nbytes += weight
            while self.nbytes > self._max_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self.nbytes -= freed
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.nbytes = 0


def content_digest(*values: Any) -> str:
    """Return a hex digest of arrays, numbers, texts, None, and of tuples and dataclasses of those."""
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest, values)
    return digest.hexdigest()


def _feed(digest: hashlib.blake2b, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
        return
    if is_dataclass(value):
        value = tuple(getattr(value, field.name) for field in fields(value))
    if isinstance(value, tuple):
        digest.update(f"{len(value)}(".encode())
        for item in value:
            _feed(digest, item)
    else:
        digest.update(f"{type(value).__name__}:{value!r};".encode())


def _arrays(value: Any) -> list[np.ndarray[Any, Any]]:
    """Return the arrays in a result, whatever holds them."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in _arrays(item)]
    if is_dataclass(value):
        return [array for field in fields(value) for array in _arrays(getattr(value, field.name))]
    return []


def _sealed(array: np.ndarray[Any, Any]) -> int:
    """Make an array read-only; return the bytes it holds itself, none when it is a view."""
    array.flags.writeable = False
    return array.nbytes if array.base is None else 0

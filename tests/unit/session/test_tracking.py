"""MLflow that is not there; the real one is written to in a drill."""

from __future__ import annotations

import sys

import pytest

from kling_nb.errors import InputError
from kling_nb.session.tracking import to_mlflow


def test_without_mlflow_it_says_what_to_install(session, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(InputError, match=r"kling-nb\[mlflow\]"):
        to_mlflow(session=session)

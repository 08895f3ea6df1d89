"""An identical request is never charged twice: at every door, in every form, from any kernel (U19)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish

from kling_nb import providers
from kling_nb.domain.task import RunStatus

DOORS = [name for name in providers.names() if providers.is_local(name)]
FORMS: dict[str, dict[str, Any]] = {
    "image2video": {"prompt": "a boat", "model": "kling-v2-6", "mode": "pro"},
    "text2video": {"prompt": "a ship", "model": "kling-v2-6", "mode": "pro"},
}


def wanted(form: str, picture: np.ndarray) -> dict[str, Any]:
    return FORMS[form] | ({"image": picture} if form == "image2video" else {})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_the_run_that_lives_or_is_finished_is_offered(
    make_session: Any, sandbox: Any, picture: np.ndarray, door: str, form: str
) -> None:
    request = {**wanted(form, picture), "provider": door}
    one, two = make_session(), make_session()
    run = one.submit(**request)
    assert two.submit(**request).id == run.id, "in flight, from another kernel"
    assert finish(run).status is RunStatus.SUCCEEDED
    assert make_session().submit(**request).id == run.id, "finished, after a restart"
    assert run.record.form == form
    assert len(sandbox.tasks()) == 1
    repeats = [one.submit(**request, repeat=number).id for number in (1, 2, 2)]
    assert repeats[0] == run.id
    assert repeats[1] == repeats[2] != run.id
    again = one.submit(**request, again=True)
    assert again.id not in repeats
    for each in (one.run(repeats[1]), again):
        finish(each)
    assert len(sandbox.tasks()) == 3


def test_one_door_does_not_stand_for_another(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    session = make_session()
    runs = [session.submit(**wanted("text2video", picture), provider=door) for door in DOORS]
    assert len({run.id for run in runs}) == len(DOORS)
    assert {finish(run).status for run in runs} == {RunStatus.SUCCEEDED}


def test_kernels_that_ask_at_the_same_moment_make_one_run(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    sessions = [make_session() for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        runs = list(pool.map(lambda n: sessions[n % 3].submit(picture, f"boat {n // 6}"), range(12)))
    assert {finish(run).status for run in runs} == {RunStatus.SUCCEEDED}
    assert len({run.id for run in runs}) == len(sandbox.tasks()) == 2

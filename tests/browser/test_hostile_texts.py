"""One real page with every view of hostile texts, and a key typed into it: nothing runs, nothing is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

KEY = "api-key-kling-sesame-0123456789"
SAVES_WIDGETS = "config/lab/user-settings/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"

PAYLOADS = [
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=2>",
    "\"><svg onload=window.hit=3><'",
    "</pre></td></table></style><iframe srcdoc='<script>parent.hit=4</script>'></iframe>",
    "<details open ontoggle=window.hit=5>",
    "$\\href{javascript:window.hit=6}{a}$ [a](javascript:window.hit=7)",
]
HEAD = """\
%load_ext kling_nb
import numpy as np, pandas as pd
import kling_nb as kn
from PIL import Image
from IPython.display import display
from kling_nb.session.doctor import DoctorLine, DoctorReport
from kling_nb.widgets.card import show_run
from kling_nb.widgets.masks import masks_bundle
pd.set_option("display.max_columns", None)
bad = " ".join({payloads!r})
name = "a'><img src=x onerror=window.hit=8>.png"
grey = np.full((320, 400, 3), 90, np.uint8)
Image.fromarray(grey).save(name)
"""
VIEWS = """\
run = kn.submit(name, bad + " [[sandbox:fail]]", negative_prompt=bad, name=bad, tags=[bad], note=bad)
try:
    run.wait(60)
except kn.KlingError as error:
    print(error)
card = show_run(run)
display(run, kn.runs(), DoctorReport((DoctorLine(bad, None, bad, bad),)))
display({"text/html": card._bundle()["text/html"]}, raw=True)
display(masks_bundle(grey, {bad: grey[:, :, 0] > 100}, bad), raw=True)
"""
FORMS = "form = kn.compose(name, bad)\ndisplay(form)"
DRY_RUN = '%%kling "{name}" --dry-run\n' + " ".join(PAYLOADS)
RAISING = "raise kn.KlingError(bad, bad, bad)"
LIVE = ["iframe[srcdoc]", ".jp-OutputArea script", "img[src='x']", "svg[onload]", "details[ontoggle]"]


@pytest.fixture
def page(open_notebook_with, lab, home: Path):
    """The notebook, in a JupyterLab that saves the state of all widgets into the file."""
    settings = lab.state / SAVES_WIDGETS
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('{"saveState": true}')
    first = f"%env KLING_NB_HOME={home}\n%env KLING_NB_PROVIDER=sandbox\n" + HEAD.format(payloads=PAYLOADS)
    return open_notebook_with("hostile", first, VIEWS, FORMS, DRY_RUN, RAISING, "%kling login official")


def test_nothing_runs_and_nothing_is_kept(page, lab) -> None:
    for index in range(5):
        page.run(index)
    page.page.wait_for_selector(".kn-composer")
    for index in range(5):
        page.element(index)
    for index in (1, 4):
        page.wait_seen(index, "<script>window.hit=1</script>")
    assert page.page.evaluate("window.hit") is None
    assert [selector for selector in LIVE if page.page.query_selector(selector)] == []

    page.run(5)
    field = page.element(5).wait_for_selector(".kn-login input[type=password]")
    field.type(KEY[:20])
    page.save()
    saved = (lab.folder / "hostile" / "hostile.ipynb").read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget-state+json" in json.loads(saved)["metadata"]["widgets"]
    assert KEY[:20] not in saved
    field.type(KEY[20:])
    field.press("Enter")
    page.wait_seen(5, "is kept until the kernel ends")
    page.save()
    saved = (lab.folder / "hostile" / "hostile.ipynb").read_text(encoding="utf-8")
    assert "is kept until the kernel ends" in saved
    assert KEY[:20] not in saved
    assert KEY not in (lab.state / "server.log").read_text(encoding="utf-8", errors="replace")
    found = page.run_text(
        "from kling_nb import settings; from kling_nb.session.doors import credential_of, door_of\n"
        f"c = credential_of(settings.load(), door_of('official')); print(c.source, c.contains({KEY!r}))"
    )
    assert found == "%kling login True"

"""Relative addresses of files: from the server's root, from the notebook, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kling_nb.widgets import places


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("kling_runs/media/a.mp4", "kling_runs/media/a.mp4"),
        ("my runs/50% #1?.mp4", "my%20runs/50%25%20%231%3F.mp4"),
        ("été/a.mp4", "%C3%A9t%C3%A9/a.mp4"),
        ("x/../a.mp4", "a.mp4"),
        (".hidden/a.mp4", None),
        ("../outside.mp4", None),
        ("../roots/a.mp4", None),
    ],
)
def test_below_the_root(tmp_path: Path, path: str, expected: str | None) -> None:
    root = tmp_path / "root"
    (root / "x").mkdir(parents=True)
    assert places.below(root / path, root) == expected
    assert places.below(root / path, None) is None


def test_links_start_at_the_notebook(tmp_path: Path) -> None:
    video = tmp_path / "runs" / "a b.mp4"
    notebook = tmp_path / "deep" / "notebooks"
    assert places.beside(video, notebook, tmp_path) == "../../runs/a%20b.mp4"
    assert places.beside(video, notebook, None) is None
    assert places.beside(notebook / "kling_runs" / "a.mp4", notebook, None) == "kling_runs/a.mp4"
    assert places.beside(Path("/elsewhere/a.mp4"), notebook, tmp_path) is None


def test_a_link_out_of_the_root_is_no_link(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.mp4").touch()
    (root / "a.mp4").symlink_to(tmp_path / "secret.mp4")
    assert places.below(root / "a.mp4", root) is None


def test_the_servers_root_is_read_from_its_own_description(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    places._root_of.cache_clear()
    (tmp_path / "jpserver-41.json").write_text(json.dumps({"root_dir": "/srv/lab", "token": "secret"}))
    (tmp_path / "jpserver-42.json").write_text("half an ans")
    assert places.server_root({"JPY_PARENT_PID": "41"}) == Path("/srv/lab")
    for pid in ("42", "43", "", "1; rm"):
        assert places.server_root({"JPY_PARENT_PID": pid}) is None

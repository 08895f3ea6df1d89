"""Which cells become ``await …``, and that everything else stays as it is."""

from __future__ import annotations

import ast

import pytest

from kling_nb.magics.rewrite import rewrite, with_body


def rewritten(cell: str) -> str | None:
    """The new cell, None when nothing was changed."""
    lines = cell.splitlines(keepends=True)
    result = rewrite(lines)
    return None if result is lines else "".join(result)


@pytest.mark.parametrize(
    "cell",
    [
        "%%kling boat.png --wait\nthe boat",
        "%%kling --wait boat.png\nit's \"quoted\" \\ {{x}}\n'''",
        "%%kling boat.png\nwait: true\nmode: pro\n\nthe boat",
        "%kling boat.png --wait the boat",
        "%kling wait",
        "%kling wait r-123 --timeout 5\n\n",
    ],
)
def test_cells_that_wait_are_awaited(cell: str) -> None:
    result = rewritten(cell)
    assert result is not None
    tree = compile(result, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    call = tree.body[0].value.value
    words = [ast.literal_eval(argument) for argument in call.args]
    line, _, body = cell.partition("\n")
    assert words[0] == line.lstrip("%").removeprefix("kling").strip()
    if line.startswith("%%"):
        assert words[1] == body


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "%%kling boat.png\nthe boat --wait",
        '%%kling boat.png --note "--wait"\nthe boat',
        "%%kling boat.png --waiting\nthe boat",
        "%%kling boat.png\nthe boat\n\nwait: true",
        "%%klinger --wait\nx",
        "x = '''\n%kling wait\n'''",
        "%kling wait\nprint(1)",
        "x = %kling wait",
        "%kling waiting",
        "%kling status",
        "print('%kling wait')",
    ],
)
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert rewritten(cell) is None


@pytest.mark.parametrize("cell", ["%%kling --help", "%%kling boat.png\n", "%%kling"])
def test_a_cell_without_a_body_gets_an_empty_line(cell: str) -> None:
    assert with_body(cell.splitlines(keepends=True)) == [cell.rstrip() + "\n", "\n"]


@pytest.mark.parametrize(
    "cell", ["", "%%kling boat.png\nthe boat", "%%klinger", "%kling runs", "%%kling?", "x"]
)
def test_every_other_cell_keeps_its_body(cell: str) -> None:
    lines = cell.splitlines(keepends=True)
    assert with_body(lines) is lines

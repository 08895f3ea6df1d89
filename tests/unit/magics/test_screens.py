"""Help screens, subcommands and errors in a terminal shell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from kling_nb.errors import KlingError
from kling_nb.magics import extension, helptext
from kling_nb.magics.commands import COMMANDS, load
from kling_nb.magics.failure import UnexpectedError, three_lines
from kling_nb.magics.options import RUN_OPTIONS
from kling_nb.magics.pages import PAGES
from kling_nb.session import provider_names

NAMES = (
    "help runs show status wait resume sweeps stop attach extend vary score rate keep discard tag note undo "
    "diff summary export report capsule cost budget models doctor config provider login logout preview masks "
    "pad sandbox"
)


def test_all_subcommands_exist() -> None:
    assert " ".join(COMMANDS) == NAMES
    assert all(callable(load(name)) for name in COMMANDS)


@pytest.mark.parametrize(
    "screen",
    [
        helptext.run_options(),
        helptext.overview(),
        *map(helptext.command, COMMANDS),
        *map(helptext.page, PAGES),
    ],
)
def test_help_fits_one_screen(screen: str) -> None:
    assert len(screen.splitlines()) <= 42
    assert max(map(len, screen.splitlines())) <= 100


def test_every_option_stands_on_the_screen() -> None:
    screen = helptext.run_options()
    assert [flag for option in RUN_OPTIONS for flag in option.flags if flag not in screen] == []


@pytest.fixture
def loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    extension.load(shell)
    capsys.readouterr()
    return shell


def test_a_terminal_reads_text(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert loaded.run_cell("%kling help").success
    assert "%kling doctor" in capsys.readouterr().out


def test_errors_in_a_terminal_are_three_lines(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not loaded.run_cell("%kling stauts").success
    shown = capsys.readouterr().out.strip().splitlines()
    assert shown == [
        "%kling has no subcommand 'stauts'.",
        "It is neither a subcommand nor the name of a variable or file.",
        "Did you mean %kling status?",
    ]


def test_no_setting_shows_a_secret(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_ACCESS_KEY", "AK-very-secret")
    monkeypatch.setenv("KLING_SECRET_KEY", "SK-very-secret")
    for line in (
        "%kling config",
        "%kling config explicit_secret_key",
        "%kling provider",
        "%kling help config",
    ):
        assert loaded.run_cell(line).success, line
    shown = capsys.readouterr()
    assert "very-secret" not in shown.out + shown.err
    assert "credential from KLING_ACCESS_KEY + KLING_SECRET_KEY" in shown.out


def test_a_provider_that_does_not_exist_changes_nothing(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not loaded.run_cell("%kling provider sandbix").success
    assert "Did you mean sandbox?" in capsys.readouterr().out
    loaded.run_cell("%kling provider")
    assert "no Kling credential found" in capsys.readouterr().out


def test_a_fault_of_ours_is_three_lines_too() -> None:
    with pytest.raises(UnexpectedError) as caught, three_lines():
        raise ZeroDivisionError("one\ntwo")
    assert len(caught.value.lines()) == 3
    assert caught.value.what == "ZeroDivisionError: one"


def test_the_short_form_is_used_once_and_on_request_not_at_all() -> None:
    error = KlingError("what", "why", "advice")
    with pytest.raises(KlingError), three_lines():
        raise error
    assert error._render_traceback_() == ["what", "why", "advice"]
    assert not hasattr(error, "_render_traceback_")
    with pytest.raises(KlingError), three_lines(traceback=True):
        raise error
    assert not hasattr(error, "_render_traceback_")


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ("%kling register", "%kling has no subcommand 'register'.", "%kling help lists the subcommands."),
        ("%kling stauts", "%kling has no subcommand 'stauts'.", "Did you mean %kling status?"),
        ("%kling sandbox strat", "%kling sandbox has no 'strat'.", "Did you mean start?"),
    ],
)
def test_a_bare_word_that_names_nothing_is_told_as_such(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], line: str, first: str, last: str
) -> None:
    assert not loaded.run_cell(line).success
    lines = capsys.readouterr().out.strip().splitlines()
    assert (lines[0], lines[-1], len(lines)) == (first, last, 3)


def test_a_code_alone_is_a_topic_of_help(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loaded.run_cell("%kling help 1303").success
    assert "waits for a slot" in capsys.readouterr().out


def test_the_price_needs_no_picture_but_may_be_asked_with_one(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], clean_environment: Path
) -> None:
    (clean_environment / "boat.jpg").write_bytes(b"")
    assert loaded.run_cell("%kling cost boat.jpg -m kling-v2-6 --mode pro").success
    assert "2.5 units" in capsys.readouterr().out
    assert not loaded.run_cell("%kling cost boot.jpg").success


@pytest.mark.parametrize("name", ["kling_api_key", "api_key", "AIMLAPI_KEY", "acedata_token", "secret-key"])
def test_no_key_is_set_by_a_cell(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert not loaded.run_cell(f"%kling config {name} sesame-0123").success
    shown = capsys.readouterr().out
    assert "%kling login" in shown
    assert "sesame" not in shown


def test_pages_show_the_options_of_the_parser() -> None:
    for name, page in PAGES.items():
        known = {option.dest for option in RUN_OPTIONS}
        assert set(page.options) <= known
        shown = helptext.page(name)
        for option in RUN_OPTIONS:
            assert (
                f"{option.flags[-1]} " in shown and option.help in shown
            ) or option.dest not in page.options


def test_pages_name_commands_and_options_that_exist() -> None:
    known = [*RUN_OPTIONS, *(option for command in COMMANDS.values() for option in command.options)]
    spellings = {spelling for option in known for spelling in option.spellings}
    for name in PAGES:
        shown = helptext.page(name)
        commands = set(re.findall(r"(?<!%)%kling ([a-z]+)", shown)) - {"help"}
        assert commands <= set(COMMANDS) | set(PAGES), name
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", shown)) <= spellings, name


def test_the_table_of_doors_knows_every_door_and_no_value(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", "very-secret-token")
    assert loaded.run_cell("%kling provider").success
    said = capsys.readouterr().out
    assert "very-secret" not in said
    rows = {line[2:].split(" ", 1)[0]: line for line in said.splitlines() if line[2:3].isalpha()}
    assert set(provider_names()) <= set(rows)
    assert "key: ACEDATACLOUD_API_TOKEN" in rows["acedata"] and rows["acedata"].startswith("●")
    assert "price: unknown" in rows["acedata"] and "brush: no" in rows["acedata"]
    assert "key: none" in rows["aimlapi"]
    assert "%kling login aimlapi, or set AIMLAPI_API_KEY" in said


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("%kling cost -m kling-v2-6 -d 5", ["image-to-video", "text-to-video", "1.5 units"]),
        (
            "%kling cost -p acedata -m kling-v2-6",
            ["publishes no price", 'kn.prices({"acedata"', "--assume-units"],
        ),
        (
            "%kling cost -m kling-v26",
            ["price unknown", "unknown model 'kling-v26'", "did you mean kling-v2-6?"],
        ),
        ("%kling cost -p aimlapi", ["reports tokens", 'kn.prices({"aimlapi"']),
        ("%kling cost -m kling-v3-omni -p official", ["image-to-video at official"]),
    ],
)
def test_prices_of_every_door(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], line: str, parts: list[str]
) -> None:
    assert loaded.run_cell(line).success
    said = capsys.readouterr().out
    assert [part for part in parts if part not in said] == []


def test_the_advice_for_an_unknown_price_works(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line can be copied as it stands."""
    loaded.run_cell("import kling_nb as kn")
    loaded.run_cell("%kling cost -p acedata -m kling-v2-6 -d 10")
    call = re.search(r"kn\.prices\(.*?\)(?=,)", capsys.readouterr().out)
    assert call is not None
    try:
        assert loaded.run_cell(call[0]).success
        loaded.run_cell("%kling cost -p acedata -m kling-v2-6 -d 10")
        assert "$0.60" in capsys.readouterr().out
    finally:
        loaded.run_cell("kn.prices(None)")

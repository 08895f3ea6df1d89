"""A ``.env`` with a key in it: what keeps its money safe counts there too, where a key is sent does not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from kling_nb import settings
from kling_nb.errors import SettingsError
from kling_nb.session.choice import choose_provider

KEY = "KLING_API_KEY=api-key-kling-0123456789abcdef\n"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("KLING_NB_PROVIDER", "KLING_NB_BUDGET_DAY", "KLING_NB_CLIP_LIMIT_UNITS", "KLING_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED", raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_rehearsal_named_beside_the_key_is_one(folder: Path) -> None:
    (folder / ".env").write_text(KEY)
    assert choose_provider(settings.load()).provider == "official"
    (folder / ".env").write_text(KEY + "KLING_NB_PROVIDER=sandbox\n")
    assert choose_provider(settings.load()) == ("sandbox", "named in the settings")


def test_a_budget_beside_the_key_holds_and_the_environment_wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(KEY + "KLING_NB_BUDGET_DAY=1\nKLING_NB_CLIP_LIMIT_UNITS=2.5\n")
    assert (settings.load().budget_day, settings.load().clip_limit_units) == ("1", Decimal("2.5"))
    monkeypatch.setenv("KLING_NB_BUDGET_DAY", "3")
    assert settings.load().budget_day == "3"
    assert settings.load(budget_day="4").budget_day == "4"


def test_a_budget_that_cannot_be_read_is_not_no_budget(folder: Path) -> None:
    (folder / ".env").write_text(KEY + "KLING_NB_BUDGET_DAY=a lot\n")
    with pytest.raises(SettingsError, match="KLING_NB_BUDGET_DAY"):
        settings.load()


@pytest.mark.parametrize("variable", ["KLING_API_BASE", "ACEDATACLOUD_API_BASE_URL", "AIMLAPI_BASE_URL"])
def test_a_folder_of_somebody_else_does_not_decide_where_a_key_goes(folder: Path, variable: str) -> None:
    (folder / ".env").write_text(f"{variable}=https://evil.example\nKLING_NB_RESULT_HOSTS=10.0.0.1\n")
    found = settings.load()
    assert "evil" not in repr(found)
    assert found.result_hosts == ""

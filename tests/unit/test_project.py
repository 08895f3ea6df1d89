"""The promises around the code: README, CI script, dependencies, versions, notebooks."""

from __future__ import annotations

import ast
import importlib.metadata
import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tracked_files() -> list[Path]:
    """Files under version control, or every file that would be, outside a checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("not a git checkout: nothing says which files belong to the project")
    names = [name for name in listing.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """The text of a file, empty for pictures and other binary files."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def section(title: str) -> str:
    """One section of the README."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, f"README has no section {title!r}"
    return found[1]


def only_command(title: str) -> str:
    """The first command block of a README section, which must be one line."""
    block = re.search(r"```bash\n(.*?)\n```", section(title), re.S)
    assert block, f"no command under {title!r}"
    assert "\n" not in block[1], "the command is one line, so that it can be pasted at once"
    return block[1]


def test_first_command_opens_the_first_notebook() -> None:
    command = only_command("Open the first notebook")
    opened = re.search(r"jupyter lab .*?(\S+\.ipynb)", command)
    assert opened and (ROOT / opened[1]).is_file()
    assert "python3 -m venv" in command and '-e ".[lab]"' in command


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = only_command("Run the tests")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"{command} </dev/null" in script.splitlines()
    assert command.endswith("-m pytest")
    assert "-m pytest -m drill" in script


def test_ci_script_is_executable_and_parses() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, check=True)


def test_versions_agree() -> None:
    import kling_nb

    released = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert PROJECT["version"] == kling_nb.__version__ == released[0]


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


MACHINE_PATH = re.compile(r"(?<![\w.:/])(/root|/home/\w+|/Users/\w+|/work)/|[A-Z]:\\\\Users")


def test_no_path_of_a_machine_is_in_the_tree() -> None:
    own = {f"{ROOT}/", f"{Path.home()}/"}
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:120]}"
        for path in tracked_files()
        if path != Path(__file__)
        for line in text_of(path).splitlines()
        if MACHINE_PATH.search(line) or any(place in line for place in own)
    ]
    assert found == []


def test_no_lock_file_is_in_the_tree() -> None:
    """They carry addresses of package registries; bounds live in pyproject.toml."""
    locks = {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "package-lock.json", "pylock.toml"}
    assert [path.name for path in tracked_files() if path.name in locks] == []


def test_the_repository_address_stands_in_one_place() -> None:
    """A fork changes the address once: in the Binder link at the end of the README."""
    links = re.findall(
        r"^\[binder\]: https://mybinder\.org/v2/gh/([^/\s]+/[^/\s]+)/HEAD\?urlpath=(\S+)$", README, re.M
    )
    assert len(links) == 1
    address, page = links[0]
    assert page == "lab/tree/notebooks/01-first-video.ipynb"
    uses = [path.name for path in tracked_files() for _ in range(text_of(path).count(address))]
    assert uses == ["README.md"]


def test_local_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_python_names_in_the_readme_exist() -> None:
    import kling_nb

    names = set(re.findall(r"\bkn\.([A-Za-z_]\w*)", README))
    assert names and sorted(name for name in names if not hasattr(kling_nb, name)) == []


UNLISTED = {"keys_mark"}
"""Settings that the table of the README is silent about."""


def test_settings_table_of_the_readme_is_complete_and_true() -> None:
    from kling_nb import providers, settings

    rows = [line.split("|")[1:5] for line in section("Settings").splitlines() if line.startswith("| `")]
    variables = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    variables |= {name.replace("KLING_", "KLINGAI_") for name in variables if name.endswith("_KEY")}
    fields = settings.Settings.model_fields
    by_variable = {
        str(f.validation_alias): name for name, f in fields.items() if not name.startswith("explicit_")
    }
    doors = [providers.get(name).door for name in providers.door_names()]
    kept = {name for door in doors for name in (*door.key_variables, *itertools.chain(*door.pair_variables))}
    assert variables == kept | {name for name, field in by_variable.items() if field not in UNLISTED}
    for row in rows:
        names, configured = (re.findall(r"`(\w+)`", cell) for cell in row[:2])
        if configured:
            assert by_variable[names[0]] == configured[0]
            assert configured[0] in settings.names()


def test_table_of_doors_in_the_readme_is_complete_and_true() -> None:
    from kling_nb import providers
    from kling_nb.session.doortable import brush_word

    lines = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in section("Doors and keys").splitlines()
    ]
    head = next(line for line in lines if "`official`" in line)
    table = {line[0]: dict(zip(head, line[1:], strict=True)) for line in lines if len(line) == len(head) + 1}
    doors = {f"`{name}`": providers.get(name).door for name in providers.door_names()}
    short = {"image2video": "image", "text2video": "text", "extend": "extend"}
    yes = {True: "yes", False: "no"}
    assert table["makes"] == {
        name: ", ".join(short[form] for form in door.forms) for name, door in doors.items()
    }
    assert table["motion brush"] == {name: brush_word(door) for name, door in doors.items()}
    assert table["local pictures"] == {name: yes[door.local_images] for name, door in doors.items()}
    assert table["callback"] == {name: yes[door.callbacks] for name, door in doors.items()}
    assert table["bills in"] == {name: door.currency for name, door in doors.items()}
    for name, door in doors.items():
        assert ("attach" in table["lost answer"][name]) is not door.external_ids
        assert set(re.findall(r"`(\w+)`", table["key"][name])) == {
            *door.key_variables[:1],
            *itertools.chain(*door.pair_variables[:1]),
        }


def test_table_of_scores_in_the_readme_is_that_of_the_catalogue() -> None:
    from kling_nb.domain.scores import MEASURES

    wanted = [f"| `{m.name}` | {m.unit} | {m.better} | {m.meaning} |" for m in MEASURES]
    lines = section("Did the video do what was asked?").splitlines()
    found = [line for line in lines if line.startswith("| `")]
    assert found == wanted, "put this into the README:\n" + "\n".join(wanted)


def test_magic_options_in_the_readme_exist() -> None:
    from kling_nb.magics import options

    known = set(options.by_spelling(options.RUN_OPTIONS))
    named = set(re.findall(r"(?<![\w.-])--[a-z][a-z-]+(?= |`)", section("In a cell")))
    assert named and named <= known


def test_subcommands_in_readme_and_notebooks_exist() -> None:
    from kling_nb.magics.commands import COMMANDS

    texts = [README, *(text_of(path) for path in NOTEBOOKS)]
    named = {name for text in texts for name in re.findall(r"(?<!%)%kling ([a-z]+)", text)}
    assert {"help", "doctor"} <= named <= set(COMMANDS)


DISTRIBUTIONS = {
    "av": "av",
    "cv2": "opencv-python-headless",
    "dask": "distributed",
    "IPython": "ipython",
    "jupyter_client": "jupyter-client",
    "jupyter_core": "jupyter-core",
    "jwt": "pyjwt",
    "nest_asyncio": "nest-asyncio",
    "nest_asyncio2": "nest-asyncio2",
    "PIL": "pillow",
    "dotenv": "python-dotenv",
    "pydantic_settings": "pydantic-settings",
    "skimage": "scikit-image",
}
"""Import names that differ from their distribution's name."""


def names_of(requirements: list[str]) -> set[str]:
    return {Requirement(text).name.lower() for text in requirements}


RUNTIME = names_of(PROJECT["dependencies"])
EXTRAS = {name: names_of(texts) for name, texts in PROJECT["optional-dependencies"].items()}


def called(node: ast.Call) -> str:
    """The last part of the name that is called, empty where there is no name."""
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def imported_distributions(folder: Path) -> set[str]:
    """Third-party distributions that the code under a folder imports."""
    own = {"kling_nb", *(path.stem for path in (ROOT / "tests").rglob("*.py"))}
    found = set()
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module or "")
            elif isinstance(node, ast.Call) and called(node).endswith("import_module"):
                found |= {str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)}
    tops = {name.partition(".")[0] for name in found}
    third_party = {name for name in tops if name and name not in sys.stdlib_module_names and name not in own}
    return {DISTRIBUTIONS.get(name, name).lower() for name in third_party}


ONLY_IN_JUPYTER = {"jupyter-core"}
"""Imported where it exists: in a kernel that a Jupyter server started."""

NEVER_IMPORTED = {
    "ipywidgets",  # anywidget stands on it, and its front end shows the card
    "ipycanvas",  # reported by the doctor; the drawing pad needs it in every environment and Binder image
}


def test_declared_dependencies_are_the_imported_ones() -> None:
    imported = imported_distributions(ROOT / "kling_nb")
    optional = EXTRAS["keyring"] | EXTRAS["export"] | EXTRAS["mlflow"] | EXTRAS["media"]
    assert sorted(imported - RUNTIME - ONLY_IN_JUPYTER - optional) == []
    assert sorted(optional - imported) == []
    assert sorted(RUNTIME - imported - NEVER_IMPORTED) == []


RUN_AS_COMMANDS = {
    "mypy", "ruff", "pandas-stubs", "pytest-asyncio", "pytest-timeout", "pytest-xdist",
    "jupyterlab", "notebook", "voila", "ipykernel", "scikit-image",
}  # fmt: skip
"""Test requirements that no test imports: plugins, checkers, servers and pictures."""


PEERS = {"jupyter_ai_magics", "mlflow", "trackio"}
"""What benchmarks compare with, installed by their own option into an environment of its own."""


FOREIGN = {"mcp", "requests", "s3fs"}
"""What the foreign clients of a drill, and its store, use, installed by it into an environment of its own."""


def test_tests_import_only_what_the_extras_declare() -> None:
    used = imported_distributions(ROOT / "tests")
    assert sorted(used - RUNTIME - EXTRAS["lab"] - EXTRAS["test"] - PEERS - FOREIGN) == []
    assert sorted(EXTRAS["test"] - used - RUN_AS_COMMANDS) == []


def test_python_versions_agree() -> None:
    """What the classifiers, Binder and the type checker name lies within requires-python."""
    allowed = SpecifierSet(PROJECT["requires-python"])
    named = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", text)]
    named.append(
        (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    )
    assert named and all(f"{version}.0" in allowed for version in named)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_committed_clean(path: Path) -> None:
    """Without outputs: they are made on the reader's machine, and none of ours can leak."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert notebook.cells[0].source.startswith("# ")


def test_installed_distribution_is_this_tree() -> None:
    """A stale installation would test something else than the checkout."""
    import kling_nb

    assert Path(kling_nb.__file__).parent == ROOT / "kling_nb"
    assert importlib.metadata.version("kling-nb") == PROJECT["version"]

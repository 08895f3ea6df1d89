"""Who may import whom: the syntax tree of every module is held against the table of the architecture.

One exception is data, not code: the sandbox shares the capability table with the client, and nothing else
of it, so that a mistake in the client's encoders cannot cancel out against the same mistake in the sandbox.
"""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "kling_nb"

SHARED = {"errors", "settings", "keys"}

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "settings": set(),
    "keys": set(),
    "domain": set(),
    "media": {"domain"},
    "motion": {"domain"},
    "render": {"domain", "media", "motion"},
    "providers": {"domain", "media"},
    "transport": {"domain"},
    "runlog": {"domain"},
    "score": {"domain", "media", "motion"},
    "stats": {"domain"},
    "session": {
        "domain",
        "media",
        "render",
        "providers",
        "transport",
        "runlog",
        "motion",
        "score",
        "stats",
        "sandbox",
    },
    "sandbox": {"domain", "media", "render"},
    "widgets": {"domain", "session"},
    "magics": {"domain", "session", "widgets"},
}

NARROW: dict[tuple[str, str], str] = {
    ("sandbox", "domain"): "kling_nb.domain.capabilities",
    ("session", "sandbox"): "kling_nb.sandbox.launch",
}
"""Where one package may use only a part of another: (user, used) -> the part."""

OWNERS: dict[str, set[str]] = {
    "ipycanvas": {"widgets"},
    "ipywidgets": {"widgets"},
    "anywidget": {"widgets"},
    "IPython": {"widgets", "magics"},
    "sqlalchemy": {"runlog"},
    "alembic": {"runlog"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
    "cv2": {"motion", "render", "score"},
    "av": {"media", "render", "score", "session"},
    "PIL": {"media", "render", "score", "sandbox"},
    "jwt": {"transport", "sandbox"},
    "httpx": {"transport", "sandbox", "session"},
    "nest_asyncio": {"transport"},
    "nest_asyncio2": {"transport"},
    "jinja2": {"magics", "session", "widgets"},
    "pandas": {"runlog", "session", "score", "widgets"},
}
"""Third-party libraries that belong to one layer."""


@dataclass(frozen=True)
class Import:
    """One import statement: the module that has it, what it names, and whether it runs."""

    module: str
    target: str
    line: int
    typing_only: bool

    @property
    def layer(self) -> str:
        """The package (or top-level module) of the importing side."""
        return layer_of(self.module)

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def module_names() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    names = {}
    for path in PACKAGE.rglob("*.py"):
        parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = module_names()


@functools.cache
def tree_of(module: str) -> ast.Module:
    """The syntax tree of a module, parsed once for all tests."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def layer_of(module: str) -> str:
    """The first part under kling_nb, empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def is_type_checking(node: ast.AST) -> bool:
    """Whether an ``if`` guards imports that only a type checker sees."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Name | ast.Attribute):
        return False
    return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def statements(tree: ast.AST, typing_only: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Walk a tree, remembering whether a TYPE_CHECKING block was entered."""
    for child in ast.iter_child_nodes(tree):
        if is_type_checking(child):
            for inner in child.body:  # type: ignore[attr-defined]  # is_type_checking proved that it is an If
                yield inner, True
                yield from statements(inner, True)
            continue
        if isinstance(child, ast.stmt):
            yield child, typing_only
        yield from statements(child, typing_only)


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The dotted name a ``from`` statement starts at, relative ones resolved."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    if MODULES[module].name != "__init__.py":
        parts = parts[:-1]
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


@functools.cache
def imports_of(module: str) -> list[Import]:
    """All imports of one module, those inside functions too."""
    found = []
    for node, typing_only in statements(tree_of(module)):
        if isinstance(node, ast.Import):
            found += [Import(module, alias.name, node.lineno, typing_only) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.append(Import(module, full if full in MODULES else base, node.lineno, typing_only))
    return found


@functools.cache
def all_imports() -> list[Import]:
    """Every import of the package."""
    return [found for module in MODULES for found in imports_of(module)]


@functools.cache
def internal() -> list[Import]:
    """Every import of the package from the package."""
    return [found for found in all_imports() if found.target.split(".")[0] == "kling_nb"]


def test_every_package_stands_in_the_table() -> None:
    layers = {layer_of(module) for module in MODULES} - {"", "__main__"}
    assert layers <= set(ALLOWED), f"no layer is declared for {sorted(layers - set(ALLOWED))}"


def test_layers_point_downward_only() -> None:
    wrong = [
        str(found)
        for found in internal()
        if not found.typing_only
        and found.layer
        and layer_of(found.target) not in {found.layer, "", *SHARED, *ALLOWED[found.layer]}
    ]
    assert wrong == []


@pytest.mark.parametrize(("pair", "part"), NARROW.items(), ids=str)
def test_narrow_doors_between_packages(pair: tuple[str, str], part: str) -> None:
    user, used = pair
    wrong = [
        str(found)
        for found in internal()
        if found.layer == user
        and layer_of(found.target) == used
        and not (found.target == part or found.target.startswith(f"{part}."))
    ]
    assert wrong == [], f"{user} may use {part} and nothing else of {used}"


def test_sandbox_shares_no_request_code_through_others() -> None:
    """Followed through every import, the sandbox reaches data, media and render, never a client encoder."""
    reached, todo = set(), [module for module in MODULES if layer_of(module) == "sandbox"]
    while todo:
        module = todo.pop()
        if module in reached:
            continue
        reached.add(module)
        todo += [f.target for f in imports_of(module) if f.target in MODULES and not f.typing_only]
    forbidden = {
        f"kling_nb.domain.{name}" for name in ("request", "brush", "camera", "aliases", "lint", "cost")
    }
    encoders = {
        module
        for module in reached
        if any(module == name or module.startswith(f"{name}.") for name in forbidden)
        or layer_of(module) in {"providers", "transport", "session"}
    }
    assert encoders == set()


def test_domain_does_no_input_or_output() -> None:
    banned = {
        "os",
        "pathlib",
        "io",
        "shutil",
        "socket",
        "subprocess",
        "asyncio",
        "urllib",
        "time",
    }
    wrong = [
        str(found)
        for found in all_imports()
        if found.layer == "domain" and not found.typing_only and found.target.split(".")[0] in banned
    ]
    assert wrong == []


def test_libraries_stay_in_their_layer() -> None:
    wrong = [
        str(found)
        for found in all_imports()
        if not found.typing_only
        and found.target.split(".")[0] in OWNERS
        and found.layer not in OWNERS[found.target.split(".")[0]]
    ]
    assert wrong == []


def test_at_most_one_module_imports_ipycanvas() -> None:
    users = {found.module for found in all_imports() if found.target.split(".")[0] == "ipycanvas"}
    assert len(users) <= 1, f"ipycanvas is fenced in one module, but {sorted(users)} import it"


def find_cycle(edges: dict[str, set[str]]) -> list[str]:
    """Return one cycle of a graph, empty when there is none."""
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for target in sorted(edges.get(node, ())):
            if cycle := visit(target, [*trail, node]):
                return cycle
        done.add(node)
        return []

    for start in sorted(edges):
        if cycle := visit(start, []):
            return cycle
    return []


def test_the_cycle_finder_finds_one() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_import_cycles() -> None:
    """Imports inside functions count: hiding an arrow does not remove it."""
    edges: dict[str, set[str]] = {}
    for found in internal():
        if (
            not found.typing_only
            and found.module != "kling_nb"
            and found.target not in {"kling_nb", found.module}
        ):
            edges.setdefault(found.module, set()).add(found.target)
    assert find_cycle(edges) == []


HEAVY = [
    "pandas", "numpy", "sqlalchemy", "alembic", "cv2", "av", "PIL", "httpx", "ipywidgets", "ipycanvas",
    "anywidget", "pydantic", "pydantic_settings", "starlette", "uvicorn", "jinja2", "IPython", "asyncio",
]  # fmt: skip


def loaded_after(statement: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after one statement."""
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import kling_nb")
    assert sorted(set(HEAVY) & loaded) == []
    assert "kling_nb.session" not in loaded


def test_exported_names_exist_and_are_all_there_is() -> None:
    import kling_nb

    missing = [name for name in kling_nb.__all__ if not hasattr(kling_nb, name)]
    assert missing == []
    assert set(dir(kling_nb)) >= set(kling_nb.__all__)
    assert len(set(kling_nb.__all__)) == len(kling_nb.__all__)


PROMISED = {
    "submit", "check", "cost", "preview", "runs", "run", "attach", "Session", "MotionBrush",
    "enable_nested_asyncio",
}  # fmt: skip


def test_the_documented_python_interface_is_exported() -> None:
    import kling_nb

    assert set(kling_nb.__all__) >= PROMISED


def test_an_unknown_name_is_an_attribute_error() -> None:
    import kling_nb

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = kling_nb.no_such_name


@dataclass(frozen=True)
class Definition:
    """A public function, method or class of the package."""

    where: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions() -> list[Definition]:
    """Module-level functions and classes and their methods, without underscore."""
    found = []
    for module in MODULES:
        owners: list[ast.Module | ast.ClassDef] = [tree_of(module)]
        for owner in owners:
            for node in owner.body:
                if (
                    isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                    and node.name[0] != "_"
                ):
                    found.append(Definition(f"{module}:{node.lineno} {node.name}", node))
                    owners += [node] if isinstance(node, ast.ClassDef) else []
    return found


def test_every_public_name_says_what_it_is() -> None:
    silent = [d.where for d in public_definitions() if not ast.get_docstring(d.node)]
    assert silent == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name in MODULES if not ast.get_docstring(tree_of(name))]
    assert silent == []


def test_functions_and_modules_stay_readable() -> None:
    """Nine of ten functions are under 35 lines without their docstring, the median module under 200."""
    lengths, modules = [], []
    for module, path in MODULES.items():
        modules.append(path.read_text(encoding="utf-8").count("\n"))
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = (
                    node.body[0].end_lineno or 0 if ast.get_docstring(node) else node.body[0].lineno - 1
                )
                lengths.append((node.end_lineno or 0) - docstring)
    assert sorted(modules)[len(modules) // 2] < 200
    assert sum(length < 35 for length in lengths) >= 0.9 * len(lengths)

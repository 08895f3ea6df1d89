"""``%load_ext kling_nb``: registers the magic in a few milliseconds, loads everything heavy afterwards.

Nothing but IPython's own, already loaded modules is imported here: pandas, SQLAlchemy, httpx and the widgets
come in a background thread (:mod:`kling_nb.magics.warmup`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from IPython.core.completer import context_matcher
from IPython.core.magic import needs_local_scope, no_var_expand

from kling_nb.magics import announce, failure, rewrite, warmup
from kling_nb.widgets.output import begin_cell, end_cell, has_page

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from kling_nb.session import Run
    from kling_nb.session.sweep import Sweep

MAGIC = "kling"
HOOKS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("pre_run_cell", warmup.finish),
    ("pre_run_cell", begin_cell),
    ("post_run_cell", warmup.release),
    ("post_run_cell", end_cell),
)
RUN_TYPE = ("kling_nb.session.run", "Run")
SWEEP_TYPE = ("kling_nb.session.sweep", "Sweep")


class Extension:
    """What one shell got from us, so that it can be taken back.

    Parameters
    ----------
    shell
        The shell that loads the extension.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._matcher = _make_matcher(shell)
        self._transformer = rewrite.make_transformer(shell)

    def register(self) -> None:
        """Add the magic, the completer and the rewriting of ``--wait`` cells."""
        shell = self._shell
        shell.register_magic_function(  # type: ignore[call-arg]  # IPython wraps a method without its types
            _make_magic(shell),  # type: ignore[arg-type]  # the same
            magic_kind="line_cell",
            magic_name=MAGIC,
        )
        shell.Completer.custom_matchers.append(self._matcher)
        shell.input_transformers_cleanup.append(self._transformer)
        for event, hook in HOOKS:
            shell.events.register(event, hook)
        failure.shorten_errors_of_cells(shell)
        if has_page():
            # `run` at the end of a cell is as alive as the card of a %%kling cell.
            self._display_formatter.for_type_by_name(*RUN_TYPE, _show_card)
            self._display_formatter.for_type_by_name(*SWEEP_TYPE, _show_wall)

    def unregister(self) -> None:
        """Take everything back; runs go on."""
        shell = self._shell
        for kind in ("line", "cell"):
            shell.magics_manager.magics[kind].pop(MAGIC, None)
        _remove(shell.Completer.custom_matchers, self._matcher)
        _remove(shell.input_transformers_cleanup, self._transformer)
        for event, hook in HOOKS:
            with contextlib.suppress(ValueError):
                shell.events.unregister(event, hook)
        failure.restore_errors_of_cells(shell)
        ours = (RUN_TYPE, SWEEP_TYPE)
        for name in ours:
            self._display_formatter.deferred_printers.pop(name, None)
        for known in [t for t in self._display_formatter.type_printers if (t.__module__, t.__name__) in ours]:
            self._display_formatter.pop(known)

    @property
    def _display_formatter(self) -> Any:
        formatter = self._shell.display_formatter
        assert formatter is not None
        return formatter.ipython_display_formatter


def _show_card(run: Run) -> None:
    from kling_nb.widgets.card import show_run  # noqa: PLC0415 - loads ipywidgets

    show_run(run)


def _show_wall(sweep: Sweep) -> None:
    from kling_nb.widgets.wall import show_wall  # noqa: PLC0415 - loads ipywidgets

    show_wall(sweep)


_loaded: WeakKeyDictionary[InteractiveShell, Extension] = WeakKeyDictionary()


def load(shell: InteractiveShell) -> None:
    """Register everything with a shell; a second time changes nothing.

    Parameters
    ----------
    shell
        What IPython passes to ``load_ipython_extension``.
    """
    if shell in _loaded:
        return
    extension = Extension(shell)
    extension.register()
    _loaded[shell] = extension
    output = announce.say_first_line()
    warmup.start(lambda: announce.say_the_rest(output))


def unload(shell: InteractiveShell) -> None:
    """Take everything back.

    Parameters
    ----------
    shell
        What IPython passes to ``unload_ipython_extension``.
    """
    extension = _loaded.pop(shell, None)
    if extension is not None:
        extension.unregister()


def _remove(items: list[Any], item: Any) -> None:
    if item in items:
        items.remove(item)


def _make_magic(shell: InteractiveShell) -> Callable[..., Any]:
    @needs_local_scope
    @no_var_expand
    def kling(line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Make videos with Kling: ``%kling help``."""
        warmup.finish()
        from kling_nb.magics.dispatch import run_magic  # noqa: PLC0415 - loads the session

        return run_magic(shell, line, cell, local_ns)

    return kling


def _make_matcher(shell: InteractiveShell) -> Callable[[CompletionContext], SimpleMatcherResult]:
    @context_matcher(identifier="kling_nb")  # type: ignore[untyped-decorator]  # IPython
    def match_kling(context: CompletionContext) -> SimpleMatcherResult:
        """Complete options, values, variables and run ids of ``%kling`` and ``%%kling``."""
        if "%kling" not in context.full_text:
            return {"completions": []}
        warmup.finish()
        from kling_nb.magics.completion import complete  # noqa: PLC0415 - loads the tables

        return complete(context.full_text, context.cursor_line, context.cursor_position, shell.user_ns)

    matcher: Callable[[CompletionContext], SimpleMatcherResult] = match_kling
    return matcher

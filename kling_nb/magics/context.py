"""What a magic call works with: shell, the notebook's variables, session, and the place for output."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.magics.notebook import notebook_path
from kling_nb.magics.waiting import Waiting
from kling_nb.session import default_session
from kling_nb.widgets.card import show_run
from kling_nb.widgets.clip import clip_bundle
from kling_nb.widgets.output import has_page, show
from kling_nb.widgets.state import plain_text
from kling_nb.widgets.wall import show_wall

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kling_nb.session import Run, Session
    from kling_nb.session.sweep import Sweep


class Context:
    """One call of a magic.

    Parameters
    ----------
    shell
        The shell.
    local_ns
        Variables of the calling function, when the magic stands inside one.
    """

    def __init__(self, shell: InteractiveShell, local_ns: Mapping[str, Any] | None = None) -> None:
        self.shell = shell
        self.variables: Mapping[str, Any] = ChainMap(dict(local_ns or {}), shell.user_ns)

    @property
    def session(self) -> Session:
        """The session of the module functions."""
        return default_session()

    @property
    def notebook(self) -> Path | None:
        """The running notebook, when the front end tells."""
        return notebook_path(self.shell.user_ns)

    @property
    def has_page(self) -> bool:
        """Whether output goes to a notebook page rather than to a terminal."""
        return has_page()

    def assign(self, name: str | None, value: Any) -> None:
        """Assign a variable of the notebook; None does nothing."""
        if name is not None:
            self.shell.user_ns[name] = value

    def show_runs(self, runs: Sequence[Run], *, scores: bool = False) -> None:
        """Display the card of each run; lines of text in a terminal.

        Parameters
        ----------
        runs
            The runs.
        scores
            Whether all scores are told, where there are any.
        """
        for run in runs:
            if self.has_page:
                show_run(run, notebook_folder=self._folder, open_scores=scores)
                continue
            self.say(plain_text(run))
            if scores and (found := run.scores) is not None:
                self.say(repr(found))

    def waiting(self, runs: Sequence[Run], timeout: float | None) -> Waiting:
        """Return runs to wait for; in a terminal their end is said in words."""
        tell = None if self.has_page else lambda run: self.say(plain_text(run))
        return Waiting(runs, timeout, tell)

    def show_sweep(self, sweep: Sweep) -> None:
        """Display the wall of a sweep; a line of text in a terminal."""
        if self.has_page:
            show_wall(sweep, notebook_folder=self._folder)
        else:
            self.say(repr(sweep))

    def waiting_for_sweeps(self, sweeps: Sequence[Sweep], timeout: float | None) -> Waiting:
        """Return sweeps to wait for; in a terminal their end is said in words."""
        return Waiting(sweeps, timeout, None if self.has_page else lambda sweep: self.say(repr(sweep)))

    def show_clip(self, path: Path, caption: str) -> None:
        """Display a video file."""
        if self.has_page:
            self.display(clip_bundle(path, notebook_folder=self._folder, caption=caption))
        else:
            self.say(f"{caption}\n{path}")

    @property
    def _folder(self) -> Path:
        """Where relative links of the page start."""
        return self.notebook.parent if self.notebook is not None else Path.cwd()

    def display(self, bundle: dict[str, Any]) -> None:
        """Display a MIME bundle."""
        show(bundle)

    def ask(self, question: str) -> str:
        """Ask the person in front of the notebook."""
        return input(question)

    def say(self, text: str) -> None:
        """Display plain text."""
        if self.has_page:
            self.display({"text/plain": text})
        else:
            print(text)  # noqa: T201 - a terminal

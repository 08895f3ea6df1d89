"""``%kling`` and ``%%kling``: parse to a typed object, then call the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register ``%kling`` and ``%%kling``: what ``%load_ext kling_nb`` calls.

    Parameters
    ----------
    ipython
        The shell.
    """
    from kling_nb.magics import extension  # noqa: PLC0415 - `import kling_nb` alone must not need IPython

    extension.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take everything back: what ``%unload_ext kling_nb`` calls. Runs go on.

    Parameters
    ----------
    ipython
        The shell.
    """
    from kling_nb.magics import extension  # noqa: PLC0415 - see above

    extension.unload(ipython)

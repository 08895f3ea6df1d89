"""Who holds a run: names of processes that can be checked for life.

Two kernels may share a run log, and one of them may have been killed. The owner written beside a run
therefore says on which machine and in which process it lives, so that a second kernel can tell "someone else
is sending this" from "whoever was sending this is gone" without waiting for a lease to run out.
"""

from __future__ import annotations

import os
import platform
import secrets
from dataclasses import dataclass
from pathlib import Path


def _namespace() -> str:
    """Name the process-id namespace: containers with one host name must not judge each other's ids."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return "0"


def _start_mark(pid: int) -> str:
    """Return when a process began (clock ticks), empty where the system does not tell.

    Process ids are used again; id and start together are not.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the command in parentheses and may itself contain blanks.
    return stat.rpartition(")")[2].split()[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class Owner:
    """One holder of runs: a process, and one session inside it.

    Parameters
    ----------
    host, namespace
        Machine name and process-id namespace.
    pid, started
        Process id and its start mark.
    token
        Tells sessions of one process apart.
    """

    host: str
    namespace: str
    pid: int
    started: str
    token: str

    @classmethod
    def current(cls) -> Owner:
        """Return a new owner for this process."""
        pid = os.getpid()
        # "|" separates the parts, so it must not occur inside one.
        host = platform.node().replace("|", "_") or "localhost"
        return cls(host, _namespace(), pid, _start_mark(pid), secrets.token_hex(3))

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read an owner back from the log; None when it is not in this form."""
        parts = text.split("|")
        if len(parts) != 5 or not parts[2].isdigit():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3], parts[4])

    def __str__(self) -> str:
        return "|".join((self.host, self.namespace, str(self.pid), self.started, self.token))

    def is_gone(self, here: Owner) -> bool:
        """Whether this owner certainly lives no more, seen from ``here``.

        Parameters
        ----------
        here
            The owner who asks. Processes of another machine or container cannot be judged: then False,
            and only the end of the lease frees the run.
        """
        if (self.host, self.namespace) != (here.host, here.namespace):
            return False
        if not _exists(self.pid):
            return True
        mark = _start_mark(self.pid)
        return bool(mark and self.started and mark != self.started)

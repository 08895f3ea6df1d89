"""Real Jupyter kernels for tests: of the environment at hand, and of older ipykernel versions."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kept_ports
from filelock import FileLock
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

kept_ports.keep()

REPOSITORY = Path(__file__).resolve().parents[2]
PINS = {"7.0.1": ("ipykernel==7.0.1", "ipython==9.6.0"), "6.29.5": ("ipykernel==6.29.5", "ipython<9")}
"""ipykernel versions beside the newest one: Binder's default set, and the oldest one supported."""

PATIENCE_S = 120.0
"""What must come has come by then, on a busy machine, too."""


def interpreter(version: str, cache: Path) -> str:
    """Return a Python whose ipykernel has this version; everything else comes from the environment at hand.

    The environment is made once and kept in ``cache``; several test processes may ask at the same time.
    """
    if version == "newest":
        return sys.executable
    folder = cache / f"ipykernel-{version}-py{sys.version_info.major}{sys.version_info.minor}"
    python = folder / "bin" / "python"
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
            subprocess.run([*pip, *PINS[version]], check=True, capture_output=True)
            own = subprocess.run(
                [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
                check=True, capture_output=True, text=True,
            ).stdout.strip()  # fmt: skip
            # Looked up after its own packages: only what it lacks comes from here.
            line = f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
            (Path(own) / "zz_rest.pth").write_text(line)
            (folder / "complete").touch()
    return str(python)


@dataclass
class Done:
    """What one execution did."""

    reply: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return str(self.reply["content"]["status"])

    def of_type(self, *types: str) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] in types]

    @property
    def text(self) -> str:
        """Everything a person reads below the cell, in plain text."""
        parts = []
        for message in self.messages:
            content = message["content"]
            if message["msg_type"] == "stream":
                parts.append(content["text"])
            elif message["msg_type"] == "error":
                parts.append("\n".join(content["traceback"]))
            elif message["msg_type"] in ("display_data", "execute_result"):
                parts.append(content["data"].get("text/plain", ""))
        return "\n".join(parts)

    @property
    def error(self) -> list[str]:
        """Lines of the error that was shown; empty without one."""
        errors = self.of_type("error")
        return "\n".join(errors[0]["traceback"]).splitlines() if errors else []


class Kernel:
    """A running kernel and everything it publishes."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self.published: list[dict[str, Any]] = []

    def send(self, code: str) -> str:
        """Send a cell and return its message id without waiting."""
        return str(self.client.execute(code, store_history=True))

    def finish(self, message_id: str, timeout: float = PATIENCE_S) -> Done:
        """Wait for the reply and for idle of an execution."""
        done = Done()
        begin = time.monotonic()
        idle = False
        while not (idle and done.reply):
            if time.monotonic() - begin > timeout:
                seen = [(m["msg_type"], m["content"]) for m in self.published[-8:]]
                raise TimeoutError(f"cell not finished (reply {bool(done.reply)}, idle {idle}); last: {seen}")
            self._pump(0.02)
            if not done.reply:
                done.reply = self._reply(message_id)
            idle = idle or any(
                m["msg_type"] == "status"
                and m["content"]["execution_state"] == "idle"
                and m["parent_header"].get("msg_id") == message_id
                for m in self.published
            )
        done.messages = [m for m in self.published if m["parent_header"].get("msg_id") == message_id]
        return done

    def run(self, code: str, timeout: float = PATIENCE_S) -> Done:
        """Run a cell to its end."""
        return self.finish(self.send(code), timeout)

    def ok(self, code: str, timeout: float = PATIENCE_S) -> Done:
        """Run a cell that must succeed."""
        done = self.run(code, timeout)
        assert done.status == "ok", done.text
        return done

    def value(self, expression: str) -> str:
        """Return the repr of an expression."""
        reply = self.client.get_shell_msg
        message_id = self.client.execute("", silent=True, user_expressions={"value": expression})
        while True:
            answer = reply(timeout=PATIENCE_S)
            if answer["parent_header"]["msg_id"] == message_id:
                result = answer["content"]["user_expressions"]["value"]
                assert result["status"] == "ok", result
                return str(result["data"]["text/plain"])
            self._kept[answer["parent_header"]["msg_id"]] = answer

    def until(self, condition: Any, timeout: float = PATIENCE_S) -> None:
        """Pump what the kernel publishes until a condition of this object holds."""
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < timeout, "the kernel never published it"
            self._pump(0.05)

    def listen(self, seconds: float) -> None:
        """Take what the kernel publishes for a while."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            self._pump(0.05)

    def updates_of(self, display_id: str) -> list[dict[str, Any]]:
        """Return the replacements of a display, oldest first."""
        return [
            m
            for m in self.published
            if m["msg_type"] == "update_display_data"
            and m["content"]["transient"].get("display_id") == display_id
        ]

    def subshell(self) -> str | None:
        """Open a subshell, as pages of JupyterLab do for widgets; None where the kernel has none."""
        control = self.client.control_channel
        message = self.client.session.msg("create_subshell_request", {})
        control.send(message)
        while True:
            try:
                answer = control.get_msg(timeout=20)
            except queue.Empty:
                return None
            if answer["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return answer["content"].get("subshell_id")

    def click(self, model_id: str, content: Mapping[str, Any], subshell: str | None = None) -> None:
        """Send a custom message to a widget, as a click in the page does."""
        data = {"method": "custom", "content": dict(content)}
        message = self.client.session.msg("comm_msg", {"comm_id": model_id, "data": data})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def complete(self, code: str) -> list[str]:
        """Return what Tab offers at the end of a text, whole words as the page would insert them."""
        message_id = self.client.complete(code, len(code))
        while True:
            answer = self.client.get_shell_msg(timeout=PATIENCE_S)
            if answer["parent_header"]["msg_id"] == message_id:
                return list(answer["content"]["matches"])
            self._kept[answer["parent_header"]["msg_id"]] = answer

    def sent_by(self, model_id: str, kind: str) -> list[dict[str, Any]]:
        """Return custom messages of one kind that a widget has sent to its page, with their buffers."""
        return [
            m
            for m in self.published
            if m["msg_type"] == "comm_msg"
            and m["content"]["comm_id"] == model_id
            and m["content"]["data"].get("content", {}).get("kind") == kind
        ]

    def interrupt(self) -> None:
        """Interrupt as the button of the page does."""
        self.manager.interrupt_kernel()

    _kept: dict[str, dict[str, Any]]

    def _reply(self, message_id: str) -> dict[str, Any]:
        while True:
            try:
                answer = self.client.get_shell_msg(timeout=0)
            except queue.Empty:
                return self._kept.pop(message_id, {})
            self._kept[answer["parent_header"]["msg_id"]] = answer

    def _pump(self, seconds: float) -> None:
        try:
            while True:
                self.published.append(self.client.get_iopub_msg(timeout=seconds))
        except queue.Empty:
            return


@contextmanager
def running_kernel(python: str, folder: Path, **variables: str) -> Iterator[Kernel]:
    """Start a kernel in a folder, without credentials and without the settings of whoever runs the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KLING", "ACEDATA", "AIMLAPI", "JPY_"))}
    env |= {
        "PYTHONPATH": str(REPOSITORY),
        "IPYTHONDIR": str(folder / ".ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "KLING_NB_HOME": str(folder / "kling_runs"),
        "KLING_NB_SCORES": "off",  # as in other tests: those that are about scores say so
        **variables,
    }
    manager = KernelManager(kernel_name=f"test-{uuid.uuid4().hex[:8]}")
    # Asked for by interpreter, not by an installed kernel spec.
    manager._kernel_spec = KernelSpec(argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    manager.start_kernel(cwd=str(folder), env=env)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE_S)
        kernel = Kernel(manager, client)
        kernel._kept = {}
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()

"""The subcommands of ``%kling``: one module each with ``run(context, arguments)``, and this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kling_nb.magics.options import (
    EXTEND_OPTIONS,
    HELP,
    OUT,
    PROVIDER,
    RUN_OPTIONS,
    TIMEOUT,
    TRACEBACK,
    VARY_OPTIONS,
    Kind,
    Option,
    Values,
)

if TYPE_CHECKING:
    from kling_nb.magics.arguments import Arguments
    from kling_nb.magics.context import Context

_ALWAYS = (TRACEBACK, HELP)
PAD_OUT = Option("out", ("-o",), Kind.NEW_NAME, "name of the pad (default: pad)", "NAME", also=("--out",))
BARE = Option("bare", ("--no-metadata",), Kind.FLAG, "leave out prompts, paths, names, notes and ids")
_FILTERS = (
    Option("limit", ("--limit",), Kind.NUMBER, "newest N runs", "N"),
    Option("status", ("--status",), Kind.TEXT, "only this status", "WORD", Values.STATUSES),
    Option("model_name", ("-m", "--model"), Kind.TEXT, "only this model", "MODEL", Values.MODELS),
    Option("tag", ("--tag",), Kind.TEXT, "only runs with this tag", "TEXT"),
    PROVIDER,
)


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand.

    Parameters
    ----------
    usage
        What may follow its name.
    summary
        Its line on the help screen.
    options
        Options it takes.
    """

    usage: str
    summary: str
    options: tuple[Option, ...] = _ALWAYS


COMMANDS: dict[str, Command] = {
    "help": Command("[PAGE | COMMAND | errors [CODE]]", "this screen; pages; every service code"),
    "runs": Command("[options]", "the run log as a DataFrame", (*_FILTERS, OUT, *_ALWAYS)),
    "show": Command("[RUN …]", "card of a run (default: the latest)", (OUT, *_ALWAYS)),
    "status": Command("[RUN …]", "runs in flight, or these"),
    "wait": Command("[RUN …]", "wait for runs (default: all in flight)", (TIMEOUT, *_ALWAYS)),
    "resume": Command(
        "[RUN … | SWEEP]",
        "pick up unfinished runs, or go on with a sweep",
        (Option("wait", ("--wait",), Kind.FLAG, "block until done"), TIMEOUT, *_ALWAYS),
    ),
    "sweeps": Command("", "the sweeps of the log"),
    "stop": Command("SWEEP", "a sweep sends nothing more; resume SWEEP goes on"),
    "attach": Command(
        "TASK [--run RUN]",
        "follow a task; give a lost run its task",
        (
            Option("run", ("--run",), Kind.RUN, "the run whose answer was lost", "RUN"),
            PROVIDER,
            Option("force", ("--force",), Kind.FLAG, "bind it although its prompt is another one"),
            OUT,
            *_ALWAYS,
        ),
    ),
    "extend": Command("RUN [options] [prompt]", "make an earlier clip longer", EXTEND_OPTIONS),
    "vary": Command("RUN [options] [prompt]", "the same run with changes", VARY_OPTIONS),
    "score": Command(
        "[RUN … | options]",
        "measure clips of runs, or a video file: paths, leaks …",
        (
            Option("again", ("--again",), Kind.FLAG, "measure although scores are known"),
            *_FILTERS,
            OUT,
            *_ALWAYS,
        ),
    ),
    "rate": Command("[RUN …] 0-5", "how good clips are; '-' takes the rating away"),
    "keep": Command("[RUN …]", "clips worth keeping (default: the latest)"),
    "discard": Command("[RUN …]", "clips not worth keeping; nothing is deleted"),
    "tag": Command(
        "[RUN …] TAG …",
        "words to find clips by",
        (Option("remove", ("--remove",), Kind.FLAG, "take these tags away"), *_ALWAYS),
    ),
    "note": Command("[RUN …] TEXT", "a note to clips; '-' takes it away"),
    "undo": Command("", "take the latest rating, decision, tag or note back"),
    "diff": Command("RUN RUN", "what differs: fields, words of the prompts, outcome"),
    "summary": Command(
        "[day | model | COLUMN …]",
        "success, keepers and what a kept clip costs",
        (Option("plot", ("--plot",), Kind.FLAG, "show them as a picture, too"), OUT, *_ALWAYS),
    ),
    "export": Command(
        "FILE [RUN … | options]",
        "table of runs: .csv, .parquet, .json, .jsonl",
        (Option("tidy", ("--tidy",), Kind.FLAG, "a row for each run and metric"), BARE, *_FILTERS, *_ALWAYS),
    ),
    "report": Command(
        "FILE.html [RUN … | options]",
        "clips, ratings, costs as one page; no server",
        (
            Option("title", ("--title",), Kind.TEXT, "what stands above it", "TEXT"),
            Option("by", ("--by",), Kind.LIST, "group the summary: model, prompt … (repeatable)", "COLUMN"),
            Option("videos", ("--videos",), Kind.TEXT, "embed, link or none", "HOW", Values.VIDEOS),
            Option("cap_mb", ("--cap",), Kind.NUMBER, "megabytes of embedded video (default 64)", "MB"),
            BARE,
            *_FILTERS,
            *_ALWAYS,
        ),
    ),
    "capsule": Command(
        "[RUN] [FILE.zip]",
        "pack a run for somebody else, or open a capsule",
        (Option("out", ("-o",), Kind.NEW_NAME, "assign path or capsule", "NAME", also=("--out",)), *_ALWAYS),
    ),
    "cost": Command("[RUN … | options]", "price of a request, or of runs", RUN_OPTIONS),
    "budget": Command("[SCOPE [NAME] AMOUNT]", "limits for run, sweep, day: spent and left; day 20 sets"),
    "models": Command("[DOOR]", "what each model can do, and what is retired", (PROVIDER, *_ALWAYS)),
    "doctor": Command("[DOOR]", "check key, host, clock, balance, log, codec; free", (PROVIDER, *_ALWAYS)),
    "config": Command("[NAME [VALUE]]", "show or set defaults of this kernel; VALUE '-' resets"),
    "provider": Command("[DOOR]", "every door and its key; or choose one ('-': by keys)"),
    "login": Command(
        "[PROVIDER]",
        "type a key that the notebook does not keep",
        (
            Option("remember", ("--remember",), Kind.FLAG, "keep it in the system's keyring"),
            Option("prompt", ("--prompt",), Kind.FLAG, "ask below the cell instead of in a field"),
            *_ALWAYS,
        ),
    ),
    "logout": Command("[PROVIDER]", "forget it again"),
    "preview": Command("IMAGE [options] [prompt]", "local video of the motion; free", RUN_OPTIONS),
    "masks": Command(
        "PICTURE [-o NAME]",
        "masks the service proposes, 0.1 unit",
        (
            Option(
                "out", ("-o",), Kind.NEW_NAME, "name of the masks (default: masks)", "NAME", also=("--out",)
            ),
            PROVIDER,
            Option("again", ("--again",), Kind.FLAG, "ask, and pay, although they are known"),
            *_ALWAYS,
        ),
    ),
    "pad": Command("IMAGE [-o NAME]", "paint what moves, draw where it goes", (PAD_OUT, *_ALWAYS)),
    "sandbox": Command("[start | stop]", "the local stand-in service"),
}
"""In the order of the help screen."""


def options_of(name: str) -> tuple[Option, ...]:
    """Return the options of a subcommand."""
    return COMMANDS[name].options


def load(name: str) -> Callable[[Context, Arguments], Any]:
    """Return the function of a subcommand."""
    run: Callable[[Context, Arguments], Any] = import_module(f"kling_nb.magics.commands.{name}").run
    return run

"""The table of options: the parser, the help screen and the completer all read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an option takes."""

    FLAG = "flag"
    TEXT = "text"
    NUMBER = "number"
    PICTURE = "picture"
    """A path, a URL or the name of a variable."""
    VARIABLE = "variable"
    """The name of an existing variable."""
    NEW_NAME = "new name"
    """The name of a variable to assign."""
    PAIR = "key=value"
    """Repeatable; collected into a mapping."""
    LIST = "list"
    """Repeatable; collected into a tuple."""
    RUN = "run"
    """A run id."""
    VALUES = "key=v1,v2"
    """Repeatable; collected into a mapping, the values as written."""
    SHOT = "shot"
    """Repeatable; seconds and words, collected into a storyboard."""


class Values(StrEnum):
    """Which values the completer offers."""

    NONE = ""
    MODELS = "models"
    MODES = "modes"
    DURATIONS = "durations"
    SOUND = "sound"
    RATIOS = "ratios"
    CAMERA = "camera"
    PROVIDERS = "providers"
    STATUSES = "statuses"
    WAYS = "ways"
    VIDEOS = "videos"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a magic.

    Parameters
    ----------
    dest
        Its one name everywhere behind the parser; for request fields the canonical field name.
    flags
        Spellings, the preferred long one last among the listed ones of the help screen.
    kind
        What it takes.
    help
        A few words for the help screen.
    metavar
        Placeholder of the value on the help screen.
    values
        What Tab offers.
    is_field
        Whether the value is a request field (``spec/official-api.md`` §4.1).
    also
        Further spellings that are accepted but not shown (``spec/official-api.md`` §4.5).
    """

    dest: str
    flags: tuple[str, ...]
    kind: Kind
    help: str
    metavar: str = ""
    values: Values = Values.NONE
    is_field: bool = False
    also: tuple[str, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """All accepted spellings."""
        return self.flags + self.also

    @property
    def header_keys(self) -> frozenset[str]:
        """Names under which the option may stand as ``key: value`` above the prompt."""
        words = {self.dest, *(flag.lstrip("-") for flag in self.spellings if flag.startswith("--"))}
        return frozenset(word.replace("-", "_") for word in words)


TRACEBACK = Option("traceback", ("--traceback",), Kind.FLAG, "show the whole traceback of an error")
HELP = Option("help", ("--help",), Kind.FLAG, "this screen", also=("-h",))
TIMEOUT = Option(
    "timeout", ("--timeout",), Kind.NUMBER, "stop waiting after S seconds; the task goes on", "S"
)
OUT = Option("out", ("-o",), Kind.NEW_NAME, "assign the run, list of runs, or sweep", "NAME", also=("--out",))
PROVIDER = Option(
    "provider",
    ("-p", "--provider"),
    Kind.TEXT,
    "door: official, acedata, sandbox …",
    "NAME",
    Values.PROVIDERS,
)

SWEEPING: tuple[Option, ...] = (
    Option(
        "vary",
        ("--set",),
        Kind.VALUES,
        "try each value; a field or a {{name}} (repeatable)",
        "KEY=A,B,C",
    ),
    Option("repeat", ("--repeat",), Kind.NUMBER, "runs of each combination", "N"),
    Option("groups", ("--zip",), Kind.LIST, "vary together: model,mode (repeatable)", "KEY,KEY"),
    Option("sample", ("--sample",), Kind.NUMBER, "only N combinations, drawn at random", "N"),
    Option("seed", ("--seed",), Kind.NUMBER, "seed of the draw", "N"),
    Option("until", ("--until",), Kind.TEXT, 'stop rule: "kept >= 3 or spent >= 20"', "RULE"),
)
"""What makes a sweep of a cell."""
SWEEP = "Sweep"

REQUEST: tuple[Option, ...] = (
    Option(
        "model_name",
        ("-m", "--model"),
        Kind.TEXT,
        "model, e.g. kling-v2-5-turbo",
        "MODEL",
        Values.MODELS,
        is_field=True,
        also=("--model-name",),
    ),
    Option("mode", ("--mode",), Kind.TEXT, "std, pro, 4k", "MODE", Values.MODES, is_field=True),
    Option("duration", ("-d", "--duration"), Kind.TEXT, "seconds", "S", Values.DURATIONS, is_field=True),
    Option(
        "cfg_scale",
        ("--cfg-scale",),
        Kind.NUMBER,
        "0 to 1, how closely to follow the prompt",
        "X",
        is_field=True,
        also=("--cfg",),
    ),
    Option(
        "negative_prompt",
        ("-n", "--negative"),
        Kind.TEXT,
        "what must not appear",
        "TEXT",
        is_field=True,
        also=("--negative-prompt",),
    ),
    Option("sound", ("--sound",), Kind.TEXT, "on or off", "ON", Values.SOUND, is_field=True),
    Option(
        "aspect_ratio",
        ("--ratio",),
        Kind.TEXT,
        "shape of a clip without a picture",
        "W:H",
        Values.RATIOS,
        is_field=True,
        also=("--aspect-ratio",),
    ),
    Option(
        "multi_prompt",
        ("--shot",),
        Kind.SHOT,
        'a shot of a storyboard: 3 "the boat leaves" (repeatable)',
        "S TEXT",
        is_field=True,
    ),
    Option(
        "callback_url",
        ("--callback",),
        Kind.TEXT,
        "address that is told when the task ends",
        "URL",
        is_field=True,
        also=("--callback-url",),
    ),
)
MOTION: tuple[Option, ...] = (
    Option(
        "image_tail",
        ("--tail",),
        Kind.PICTURE,
        "end frame",
        "IMG",
        is_field=True,
        also=("--image-tail", "--end-image", "--last-frame"),
    ),
    Option("brush", ("--brush",), Kind.VARIABLE, "brush of a variable, a run, a saved one", "NAME"),
    Option("way", ("--way",), Kind.TEXT, "brush as auto, native, endframe or words", "WAY", Values.WAYS),
    Option(
        "camera_control",
        ("--camera",),
        Kind.TEXT,
        "zoom=5, forward_up or JSON",
        "MOVE",
        Values.CAMERA,
        is_field=True,
        also=("--camera-control",),
    ),
    Option(
        "static_mask",
        ("--freeze",),
        Kind.PICTURE,
        "static mask: white stays still",
        "IMG",
        is_field=True,
        also=("--static-mask",),
    ),
    Option("param", ("--param",), Kind.PAIR, "any other request field (JSON value)", "KEY=VALUE"),
)
SENDING: tuple[Option, ...] = (
    PROVIDER,
    Option("dry_run", ("--dry-run",), Kind.FLAG, "problems, cost and JSON; sends nothing"),
    Option("preview", ("--preview",), Kind.FLAG, "local video; sends nothing"),
    Option("yes", ("--yes",), Kind.FLAG, "do not ask before an expensive clip or sweep", also=("-y",)),
    Option("force", ("--force",), Kind.FLAG, "send in spite of blocking problems"),
    Option("sweep", ("--sweep",), Kind.TEXT, "group of runs that share a budget", "NAME"),
    Option("budget", ("--budget",), Kind.TEXT, "units or $ the run or sweep must not exceed", "UNITS"),
    Option(
        "assume_units",
        ("--assume-units",),
        Kind.NUMBER,
        "what it counts in budgets, price unknown",
        "UNITS",
    ),
    Option("again", ("--again",), Kind.FLAG, "another run although an identical one exists"),
    Option("wait", ("--wait",), Kind.FLAG, "block until done"),
    TIMEOUT,
)
RESULT: tuple[Option, ...] = (
    OUT,
    Option("name", ("--name",), Kind.TEXT, "name of the run", "TEXT"),
    Option("tags", ("--tag",), Kind.LIST, "tag (repeatable)", "TEXT"),
    Option("note", ("--note",), Kind.TEXT, "a sentence for later", "TEXT"),
    TRACEBACK,
    HELP,
)
GROUPS: tuple[tuple[str, tuple[Option, ...]], ...] = (
    ("Request", REQUEST),
    ("Motion", MOTION),
    (SWEEP, SWEEPING),
    ("Sending", SENDING),
    ("Result", RESULT),
)
RUN_OPTIONS: tuple[Option, ...] = tuple(option for _, group in GROUPS for option in group)
"""Options of ``%%kling IMAGE`` and ``%kling IMAGE``."""


_EXTENDABLE = ("model_name", "mode", "cfg_scale", "negative_prompt", "callback_url", "param")
EXTEND_GROUPS: tuple[tuple[str, tuple[Option, ...]], ...] = (
    ("Request", tuple(option for option in (*REQUEST, *MOTION) if option.dest in _EXTENDABLE)),
    (SWEEP, SWEEPING),
    ("Sending", tuple(option for option in SENDING if option.dest != "preview")),
    ("Result", RESULT),
)
EXTEND_OPTIONS: tuple[Option, ...] = tuple(option for _, group in EXTEND_GROUPS for option in group)
"""Options of ``%%kling extend RUN``: what a longer clip takes (``spec/official-api.md`` §15)."""

_SWEEP_ONLY = ("vary", "repeat", "groups", "sample", "seed", "until")
VARY_OPTIONS: tuple[Option, ...] = tuple(o for o in RUN_OPTIONS if o.dest not in _SWEEP_ONLY)
"""Options of ``%kling vary RUN``: one run, so nothing of a sweep."""


def by_spelling(options: tuple[Option, ...]) -> dict[str, Option]:
    """Return every accepted spelling with its option."""
    return {spelling: option for option in options for spelling in option.spellings}


def by_header_key(options: tuple[Option, ...]) -> dict[str, Option]:
    """Return every name that may stand as ``key: value`` above the prompt, with its option."""
    return {key: option for option in options for key in option.header_keys}

"""What a ``%%kling`` cell asks for, as one typed value apart from the magic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from kling_nb.domain.aliases import KNOWN_NAMES, canonical_name
from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments, parse_arguments, store
from kling_nb.magics.body import read_body
from kling_nb.magics.options import EXTEND_OPTIONS, RUN_OPTIONS, Option, by_header_key
from kling_nb.magics.params import read_param
from kling_nb.magics.pictures import looks_like_picture
from kling_nb.magics.tokens import Token, split_line
from kling_nb.session.template import fill, names_in

PICTURES = ("image_tail", "static_mask")
"""Request fields whose value names a picture, beside IMAGE itself."""

MOVING = frozenset({"camera_control", "multi_prompt", "dynamic_masks", "static_mask", "image_tail"})
"""Request fields that say what moves, without a word."""


@dataclass(frozen=True, slots=True)
class RunCall:
    """One ``%%kling`` cell or ``%kling IMAGE`` line, parsed, templates filled, nothing looked up.

    Parameters
    ----------
    image
        The first word, None without one: then the clip is made from words alone.
    source
        The run or video that is made longer, None for every other call.
    prompts
        One run each.
    fields
        Request fields by canonical name or as written after ``--param``; values as typed.
    pictures
        Words that name pictures (``image_tail``, ``static_mask``), by request field.
    brush
        Name of the variable that holds the motion brush.
    way
        How the brush reaches the model.
    provider, timeout, out, name, tags, note, sweep, budget, assume_units
        Values of the options of the same name.
    vary, repeat, groups, sample, seed, until
        What makes a sweep of it: values of a field or template name as written, and the rest.
    dry_run, preview, yes, force, again, wait, traceback, help
        Flags of the same name.
    """

    image: Token | None = None
    source: Token | None = None
    prompts: tuple[str, ...] = ("",)
    fields: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Token] = field(default_factory=dict)
    brush: str | None = None
    way: str | None = None
    provider: str | None = None
    timeout: float | None = None
    out: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    sweep: str | None = None
    budget: str | None = None
    assume_units: float | None = None
    vary: Mapping[str, str] = field(default_factory=dict)
    repeat: float | None = None
    groups: tuple[str, ...] = ()
    sample: float | None = None
    seed: float | None = None
    until: str | None = None
    dry_run: bool = False
    preview: bool = False
    yes: bool = False
    force: bool = False
    again: bool = False
    wait: bool = False
    traceback: bool = False
    help: bool = False

    @property
    def is_sweep(self) -> bool:
        """Whether it makes a sweep: something varies, or is repeated, or it has a stop rule."""
        given = (self.repeat, self.sample, self.seed, self.until)
        return bool(self.vary or self.groups) or any(value is not None for value in given)


def read_call(line: str, cell: str | None, variables: Mapping[str, Any], *, extend: bool = False) -> RunCall:
    """Parse a cell or line into a call.

    Parameters
    ----------
    line
        What follows ``%%kling`` or ``%kling`` on its line.
    cell
        The body, None for a line magic: then the words after IMAGE are the prompt.
    variables
        The notebook's variables, for ``{{name}}``.
    extend
        Whether the first word is a clip that is made longer, instead of a picture.

    Raises
    ------
    UsageError
        Anything that was written wrongly; nothing has been looked up or sent.
    """
    magic = ("%kling" if cell is None else "%%kling") + (" extend" if extend else "")
    options = EXTEND_OPTIONS if extend else RUN_OPTIONS
    arguments = parse_arguments(read_tokens(line, variables), options, magic)
    if arguments.flag("help"):
        return RunCall(help=True)
    if cell is None:
        return call_of(arguments, extend=extend)
    _refuse_words_after_image(arguments.positional, magic, "RUN" if extend else "IMAGE")
    header = by_header_key(options)
    body = read_body(cell, header.keys() | set(KNOWN_NAMES))
    swept = names_set(line)
    for key, value in body.headers:
        held = key == "set" or names_in(value) & swept
        _store_header(arguments, header, key, value if held else fill(value, variables))
    # What a sweep sets is filled combination by combination, everything else of its prompt with it.
    later = bool(swept or arguments.values.get("vary"))
    prompts = tuple(prompt if later else fill(prompt, variables) for prompt in body.prompts)
    negative = body.negative
    negative = fill(negative, variables) if negative is not None and not later else negative
    call = _assemble(arguments, prompts, negative, extend=extend)
    _refuse_wordless(call, line, magic.lstrip("%"))
    _refuse_picture_as_prompt(call, variables)
    return call


def call_of(arguments: Arguments, *, extend: bool = False) -> RunCall:
    """Return the call of a line whose words have been read already; words after IMAGE are the prompt."""
    prompt = " ".join(token.text for token in arguments.positional[1:])
    return _assemble(arguments, (prompt,), None, extend=extend)


def read_tokens(line: str, variables: Mapping[str, Any]) -> list[Token]:
    """Split a line into words and fill their templates, except for what ``--set`` will fill."""
    swept = names_set(line)
    return [
        token if names_in(token.text) & swept else _fill_token(token, variables) for token in split_line(line)
    ]


def names_set(line: str) -> frozenset[str]:
    """Return the names that ``--set`` of a line gives values."""
    if "--set" not in line:
        return frozenset()
    words = [token.text for token in split_line(line)]
    after = [then for word, then in pairwise(words) if word == "--set"]
    after += [word.removeprefix("--set=") for word in words if word.startswith("--set=")]
    return frozenset(text.partition("=")[0].replace("-", "_") for text in after)


def _fill_token(token: Token, variables: Mapping[str, Any]) -> Token:
    if "{{" not in token.text:
        return token
    return Token(fill(token.text, variables), quoted=token.quoted or token.text.startswith("{{"))


def _refuse_words_after_image(positional: list[Token], magic: str, what: str) -> None:
    if len(positional) > 1:
        joined = " ".join(token.text for token in positional)
        raise UsageError(
            f"Unexpected word {positional[1].text!r} after the {'image' if what == 'IMAGE' else 'run'}.",
            f"The line of a {magic} cell holds one {what} and options; the prompt stands below it.",
            f'Quote a path with spaces: {magic} "{joined}"'
            if what == "IMAGE"
            else f"Write {magic} {positional[0].text}, and the prompt below.",
        )


def _refuse_picture_as_prompt(call: RunCall, variables: Mapping[str, Any]) -> None:
    """Refuse a picture that slipped into the body: a clip from its name alone is nobody's wish."""
    first = call.prompts[0].split("\n", 1)[0].strip()
    free = call.image is None and call.source is None and call.brush is None and not call.pictures
    if free and not call.force and looks_like_picture(first, variables):
        raise UsageError(
            f"The picture {first} stands where the prompt belongs.",
            "Without a picture on its line a %%kling cell makes a clip from words alone; nothing was sent.",
            f"Write %%kling {first} and the prompt below; if it is the prompt, add --force.",
        )


def _refuse_wordless(call: RunCall, line: str, magic: str) -> None:
    """Refuse a cell that says nothing of what shall move: a forgotten prompt must not cost money."""
    varied = {canonical_name(key) for key in call.vary} & (MOVING | {"prompt", "brush"})
    said = any(call.prompts) or call.brush is not None or call.pictures or MOVING & set(call.fields)
    if not (said or varied or call.dry_run or call.preview or call.force):
        raise UsageError(
            "The cell has no prompt.",
            "Nothing stands below the %%kling line that says what moves; nothing was sent.",
            f"Write it there. Without any words: %{magic} {line.strip()}",
        )


def _store_header(arguments: Arguments, header: Mapping[str, Option], key: str, value: str) -> None:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    token = Token(value[1:-1], quoted=True) if quoted else Token(value)
    if canonical_name(key) == "image":
        if arguments.positional:
            raise _two_images(arguments.positional[0].text, value)
        arguments.positional.append(token)
    elif key in header:
        store(arguments, header[key], token, key)
    else:
        pairs = arguments.values.setdefault("param", {})
        if key in pairs:
            raise UsageError(f"{key} is given twice.", "Only one of them can be meant.", "Remove one.")
        pairs[key] = read_param(key, value, "")


def _two_images(one: str, other: str) -> UsageError:
    return UsageError(
        "Two images are given.", f"{one!r} on the line, {other!r} under its own name.", "Remove one."
    )


def _assemble(
    arguments: Arguments, prompts: tuple[str, ...], negative: str | None, *, extend: bool = False
) -> RunCall:
    values = dict(arguments.values)
    if negative is not None:
        if values.get("negative_prompt", negative) != negative:
            raise UsageError(
                "Two negative prompts are given.", "One as an option, another in the section '--- negative'.",
                "Remove one.",
            )  # fmt: skip
        values["negative_prompt"] = negative
    fields = {
        option.dest: values.pop(option.dest)
        for option in RUN_OPTIONS
        if option.is_field and option.dest in values
    }
    pictures = {name: arguments.pictures[name] for name in fields if name in arguments.pictures}
    fields = {name: value for name, value in fields.items() if name not in pictures}
    first = arguments.positional[0] if arguments.positional else None
    for key, value in values.pop("param", {}).items():
        if canonical_name(key) in ("image", "video_id"):
            first = _named(first, key, value, extend=extend)
        else:
            _add_param(fields, pictures, key, value)
    _add_length_of_shots(fields)
    prompts = _prompt_from_fields(fields, prompts)
    longer = extend or "video_id" in arguments.values.get("param", {})
    image, source = (None, first) if longer else (first, None)
    return RunCall(image=image, source=source, prompts=prompts, fields=fields, pictures=pictures, **values)


def _named(first: Token | None, key: str, value: str, *, extend: bool) -> Token:
    """Return the picture, or the clip that goes on, that was given under the name of its field."""
    if extend and canonical_name(key) == "image":
        raise UsageError(
            f"A clip that goes on takes no picture, but {key} is given.",
            "It begins with the last frame of the clip.",
            "Remove it, or make a new clip: %%kling IMAGE.",
        )
    if first is not None and first.text != value:
        raise _two_images(first.text, value)
    return Token(value)


def _add_length_of_shots(fields: dict[str, Any]) -> None:
    """Let a storyboard be as long as its shots together, unless a length is given."""
    shots = fields.get("multi_prompt")
    if isinstance(shots, tuple) and "duration" not in fields and all("duration" in shot for shot in shots):
        fields["duration"] = sum(shot["duration"] for shot in shots)


def _add_param(fields: dict[str, Any], pictures: dict[str, Token], key: str, value: Any) -> None:
    """Add a ``--param``; the same field under two names may only stand there with one value."""
    for name in (*fields, *pictures):
        if canonical_name(name) == canonical_name(key):
            said = pictures[name].text if name in pictures else fields[name]
            if said != value:
                raise UsageError(
                    f"{canonical_name(key)} is given twice.",
                    f"As {name} and as --param {key}, with different values.",
                    "Remove one.",
                )
            return
    if canonical_name(key) in PICTURES:
        pictures[canonical_name(key)] = Token(value)
    else:
        fields[key] = value


def _prompt_from_fields(fields: dict[str, Any], prompts: tuple[str, ...]) -> tuple[str, ...]:
    """Accept ``--param prompt=…`` in a line magic; with a body it would be a second prompt."""
    if "prompt" not in fields:
        return prompts
    text = str(fields.pop("prompt"))
    if any(prompts) and prompts != (text,):
        raise UsageError(
            "Two prompts are given.", "One in the cell, another as --param prompt.", "Remove one."
        )
    return (text,)

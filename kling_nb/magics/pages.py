"""One page a task: what ``%kling help first`` and the like show. The option tables are generated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kling_nb.domain.door import FORM_WORDS
from kling_nb.session.doors import all_doors
from kling_nb.session.doortable import brush_word


@dataclass(frozen=True, slots=True)
class Page:
    """One help page.

    Parameters
    ----------
    title
        What one can do after reading it.
    text
        The page; ``%kling`` lines can be copied into a cell.
    options
        Options of ``%%kling`` that are explained below it, by ``Option.dest``.
    table
        Writes a table below it, from what the doors say about themselves.
    """

    title: str
    text: str
    options: tuple[str, ...] = ()
    table: Callable[[], str] | None = None


def keys_table() -> str:
    """Return which variable opens which door."""
    lines = []
    for door in all_doors():
        pairs = [" + ".join(pair) for pair in door.pair_variables[:1]]
        lines.append(f"  {door.name:<13} {' or '.join([*door.key_variables[:1], *pairs])}")
        if door.key_only:
            lines.append(f"  {'':<13} {door.key_only.split('. Make')[0].rstrip('.')}")
    return "\n".join([*lines, "  sandbox       needs none"])


def differences_table() -> str:
    """Return how the doors differ, a row a door."""
    short = {"image2video": "image", "text2video": "text", "extend": "extend"}
    rows = [("door", "makes", "brush", "local pictures", "callback", "bills in", "own id")]
    rows += [
        (
            door.name,
            ", ".join(short[form] for form in door.forms),
            brush_word(door),
            _yes(door.local_images),
            _yes(door.callbacks),
            door.currency,
            _yes(door.external_ids),
        )
        for door in all_doors()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [[f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join(f"  {'  '.join(row)}".rstrip() for row in cells)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def forms_table() -> str:
    """Return which door makes clips longer, and how long a negative prompt may be."""
    able = [door.name for door in all_doors() if "extend" in door.forms]
    return f"  {FORM_WORDS['extend']}: {', '.join(able)}"


PAGES: Final[dict[str, Page]] = {
    "first": Page(
        "Your first video",
        """\
Without a key everything goes to the sandbox: a local imitation that charges nothing.
  %%kling boat.jpg -o run
  the boat drifts to the left, the camera stays

The cell returns at once; its card shows the clip when it is there. Look before you pay:
  --preview renders the motion here, --dry-run shows problems, price and request.
To say what moves, paint it: %kling pad boat.jpg, then %%kling pad with the prompt below.
Running the cell again shows the same clip and costs nothing; --again makes another one.""",
        ("model_name", "mode", "duration", "dry_run", "preview", "again", "wait"),
    ),
    "doors": Page(
        "Doors and keys",
        """\
A door is a way to Kling; each takes a key of its own. A key never belongs into a cell:
  %kling login DOOR      asks for it in a field that leaves no trace (--remember: keyring)
or set a variable, in the environment or in a file .env:""",
        ("provider",),
        keys_table,
    ),
    "budget": Page(
        "Money: price, budget, unknown prices",
        """\
  %kling cost -m kling-v2-6 -d 10    what a clip costs      %kling cost r-…   what it did cost
  %kling budget day 20               Kling units a day      %kling budget day $5   in dollars
A budget binds every kernel that shares the log; --force does not pass it. Where a door
publishes no price, a budget refuses the run until you state one:
  kn.prices({"acedata": {"currency": "USD", "per_second": {"kling-v2-6": {"std": 0.06}}}})
or say what this run shall count: --assume-units 2. Failed tasks are, as a rule, not billed.""",
        ("budget", "sweep", "assume_units", "yes"),
    ),
    "sweep": Page(
        "Sweeps: vary one thing, repeat it, compare",
        """\
  %%kling boat.jpg --set cfg_scale=0.3,0.5,0.8 --set what=boat,kite --repeat 3 --budget 40 -o s
  the {{what}} drifts to the left
makes every combination three times: Kling has no seed, so one clip proves little. A line --- in
the body separates prompts, which vary like everything else. Price, share that the log has already
and combinations that are not possible are told first; --dry-run stops there. Runs go out balanced
over all values, within the account's slots; the budget holds in every kernel.
  --set name="a, b",c    quotes keep a comma; JSON lists and names of list variables work too
  --zip model,mode       vary together      --sample 10 --seed 1   a random part
  --until "kept >= 3"    also rating, rated, discarded, done, failed, spent; joined by and, or
  --until "gain >= 0.9"  a score of the best clip: path_error < 1, leak < 2 …; never of frozen ones
  %kling stop s-…    %kling resume s-…    %kling sweeps    s.frame    s.dropped    s.progress
After a crash %kling resume s-… repeats nothing and skips nothing.""",
        ("vary", "repeat", "groups", "sample", "seed", "until", "budget", "yes", "dry_run", "out"),
    ),
    "text": Page(
        "Text-to-video: a clip from words alone",
        """\
Leave the picture out:
  %%kling --model kling-v2-6 --ratio 9:16
  a lighthouse at dusk, waves in slow motion
The card and --dry-run say "text-to-video, no picture", so that a forgotten one is noticed.
A storyboard is told shot by shot, on the line or above the prompt:
  %%kling boat.jpg -m kling-v3 --shot 3 "the boat leaves" --shot 2 "waves close in" """.rstrip(),
        ("aspect_ratio", "multi_prompt"),
    ),
    "extend": Page(
        "Extend: a clip goes on",
        """\
  %kling extend r-… "the boat reaches the shore"       or %%kling extend r-… with the prompt below
adds four to five seconds to a finished clip, up to three minutes, for at most 30 days after it
was made. RUN is a run, its variable, or the id of a video (not of its task). Door, model and
mode are those of the clip; its card names the clip it came from. Doors that can:""",
        (),
        forms_table,
    ),
    "masks": Page(
        "Masks proposed by the service",
        """\
  %kling masks boat.jpg -o found      0.1 unit, said before it is asked; the same picture is free
  brush = kn.MotionBrush("boat.jpg").dynamic(found["object"], [(120, 300), (400, 290)])
  %%kling boat.jpg --brush brush
found holds object, head, face and cloth, as far as the picture has them. Free of charge and
local: %kling pad boat.jpg, draw roughly, press Snap to edges.""",
        ("brush", "way", "static_mask"),
    ),
    "gateways": Page(
        "How the doors differ",
        """\
One request fits all doors; what a door has no place for is refused with the reason, before
anything is sent. Local pictures go to AceData through an uploader of yours only
(kn.set_uploader); it takes addresses. "own id": a lost answer can be looked up.""",
        ("provider", "param"),
        differences_table,
    ),
    "uncertain": Page(
        "Uncertain runs: the answer was lost",
        """\
A run is uncertain when its request may have arrived and the answer was lost. It may have been
charged, so it is never sent again by itself.
  official                %kling resume r-…    looks it up by our own id
  doors without own ids   open the door's console, look for a task of that minute and model:
    found      %kling attach <task id> --run r-…     the run goes on with that task
    not there  the same cell with --again            makes a new run""",
    ),
    "judging": Page(
        "Judging: which prompt is better?",
        """\
  %kling rate r-… 4      %kling keep r-…      %kling tag r-… boat      %kling note r-… mast bends
RUN is an id, a run, a list or table of runs, a sweep; without one the latest is meant. The word
is in the log at once, and seen by every kernel; %kling undo takes it back. In Python:
  run.rate(4).keep()     kn.rate(frame, 4)     kn.diff(a, b)     kn.summary("model")
Kling has no seed, so one clip proves nothing: make repeats, rate them, and ask
  kn.which_is_better(frame, by="prompt")      says how sure it is, and how many more would tell
  kn.compare(frame, by="prompt", blind=True)  two clips at a time without labels; then
  kn.ranking(frame, by="prompt")              ranks by the votes""",
    ),
    "scores": Page(
        "Scores: did the clip do what was asked?",
        """\
Every clip is measured in the background after its download (%kling config scores off: not).
  %kling show r-…          the card with all scores; a flag (⚠) says what to look at first
  %kling score r-… r-…     measures now, also old runs; a sweep, a table of runs, a video file
  %kling runs              columns path_error, gain, leak …; %kling report sorts by them
  ↓ low, ↑ high, →1 near 1, →0 near 0 is good; = neither by itself; % is of the picture's diagonal
path error, gain, lag   did the painted objects go where their paths go, how far, how late
own …                   the same after the camera's motion was taken out
static leak             did what was frozen stay as it was
camera …                what the camera did, against what was asked
motion, flicker, warp error, sharpness lost     how much moves, how steady and sharp it is
A frozen or blurred clip flickers little: read flicker and warp error with motion and sharpness.
What cannot be followed is "not measurable", never a number. Accuracy is known for clips of the
sandbox, not for Kling's own. In Python:
  run.scores   run.score()   run.score_sheet()   run.leak_picture()   run.plot_scores()
  kn.score(frame)   kn.score("old.mp4", image=…, brush=…)   kn.score_table(frame)
  sweep.plot_scores()   kn.which_is_better(frame, "prompt", "path_error")""",
    ),
    "sharing": Page(
        "Sharing: tables, a report, a run for somebody else",
        """\
  %kling export runs.csv --status succeeded    also .parquet, .json, .jsonl; --tidy: a row a metric
  %kling report week.html best --by prompt     a page with players, filters, costs; needs no server
  %kling capsule r-… boat.zip                  inputs, request, clip and cell in one file
  %kling capsule boat.zip                      opens it here; nothing is sent, nothing is paid
After the file stand runs: ids, or variables that hold runs, a table, a sweep; or filters.
--no-metadata leaves out prompts, paths, names, notes and ids (not what clips show). In Python:
  kn.export(…) kn.report(…) kn.capsule(…) kn.open_capsule(…).submit() kn.to_mlflow(frame)
Going on from a run:
  print(run.to_cell())     run.vary(cfg_scale=0.7)     %kling vary r-… --cfg-scale 0.7
  run.extend("it turns")   %%kling boat.jpg --brush r-…   takes the brush of that run""",
    ),
    "webhooks": Page(
        "Webhooks: be told instead of asking",
        """\
  %%kling boat.jpg --callback https://me.example/kling
The service posts to that address when the task changes; polling goes on regardless, because
deliveries come twice, late or never. In your receiver:
  task = kn.verify_webhook(request.headers, await request.body(), secret)
gives the task, or refuses what is not proven to come from Kling; secret is whsec_… of the
console. AceData signs nothing: treat its callback as a hint, then %kling attach <task id>.""",
        ("callback_url",),
    ),
}
"""In the order in which they are listed."""

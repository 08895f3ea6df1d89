"""The session: everything a person does with Kling, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kling_nb import providers
from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError, UsageError
from kling_nb.session import build as building
from kling_nb.session.attaching import bound_columns, check_bindable, id_of_task
from kling_nb.session.budget import caps_of, check_affordable, check_label
from kling_nb.session.choice import Choice, choose_provider
from kling_nb.session.extending import Source, parent_of, source_of
from kling_nb.session.filing import MEDIA
from kling_nb.session.forms import form_of
from kling_nb.session.judging import tags_given
from kling_nb.session.leases import LEASE_S
from kling_nb.session.preview import Preview
from kling_nb.session.previews import render_preview
from kling_nb.session.records import Label, keep_inputs, record_of
from kling_nb.session.rerun import keywords_of, varied
from kling_nb.session.run import Run
from kling_nb.session.scoreside import ScoringSession

if TYPE_CHECKING:
    from kling_nb.domain.cost import Cost
    from kling_nb.domain.problems import Problem
    from kling_nb.domain.request import VideoRequest
    from kling_nb.runlog import RunRecord
    from kling_nb.session.build import Prepared


class Session(ScoringSession):
    """One run log, one set of credentials, and the runs being followed.

    Parameters
    ----------
    provider
        ``official``, ``official-new``, ``acedata``, ``aimlapi``, ``sandbox``, or ``sandbox-`` and a door;
        None chooses the first door with a credential, else the sandbox.
    home
        Folder of log and videos; None is ``kling_runs`` beside the notebook.
    log_url
        SQLAlchemy URL of the run log; None is ``runs.sqlite`` in ``home``.
    settings
        Complete settings; then the other arguments are ignored.
    pace
        How patient the session is with services.
    posters
        Whether a poster is made of each video.
    uploader
        Puts local pictures at a public address for services that take addresses only; None is the one of
        :func:`kling_nb.set_uploader`.
    **explicit
        Further settings by name: ``api_key``, ``access_key``, ``secret_key``, ``api_base``, ``quota`` …
    """

    def build(
        self,
        image: Any = None,
        prompt: str | None = None,
        *,
        provider: str | None = None,
        draft: bool = False,
        **params: Any,
    ) -> Prepared:
        """Build and check a request; nothing is sent.

        Parameters
        ----------
        image
            Start frame: path, URL, bytes, PIL image, array, motion pad or motion brush.
        prompt
            What shall happen.
        provider
            Where it would go.
        draft
            For looking only, not for sending: no end frame is rendered for a brush.
        **params
            Any request field under any accepted name, and ``brush``.

        Raises
        ------
        MediaError
            A picture cannot be read.
        """
        repeat = params.pop("repeat", 1)
        return self._build(
            provider,
            {"image": image, "prompt": prompt, **params},
            lambda found: self._identical(found, repeat),
            draft=draft,
        )

    def check(self, image: Any = None, prompt: str | None = None, **params: Any) -> list[Problem]:
        """Return all findings about a request; no network. Parameters as for :meth:`submit`."""
        return list(self.build(image, prompt, **params).problems)

    def cost(self, image: Any = None, prompt: str | None = None, **params: Any) -> Cost:
        """Return the expected cost of a request, with source and date. Parameters as for :meth:`submit`.

        Raises
        ------
        RequestRefused
            A value cannot be read: what is left would be the price of another clip.
        """
        prepared = self.build(image, prompt, **params)
        prepared.check_values()
        return prepared.cost

    def preview(self, image: Any = None, prompt: str | None = None, **params: Any) -> Preview:
        """Render the motion of a request on this machine; free. Parameters as for :meth:`submit`.

        Returns
        -------
        Preview
            An MP4 under ``media/previews`` of the home folder, usable as a path, and the price of the real
            video; a request that looks the same returns the same file.

        Raises
        ------
        MediaError
            There is no picture to render.
        RequestRefused
            The masks, paths or other values cannot be used. What only a service would refuse is rendered.
        """
        prepared = self.build(image, prompt, draft=True, **params)
        prepared.check(force=True)
        settings = self.settings
        folder = self.home / MEDIA / "previews"
        path, report = render_preview(prepared.drawn, prepared.identity, folder, codec=settings.codec)
        return Preview(
            path,
            prepared.cost,
            clip=prepared.clip,
            reason=prepared.way.reason if prepared.way is not None else "",
            report=report,
            embed_cap_mb=settings.embed_cap_mb,
        )

    def submit(
        self,
        image: Any = None,
        prompt: str | None = None,
        *,
        brush: Any = None,
        way: str | None = None,
        provider: str | None = None,
        again: bool = False,
        force: bool = False,
        repeat: int = 1,
        name: str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        notebook: str | None = None,
        sweep: str | None = None,
        budget: str | float | None = None,
        assume_units: str | float | None = None,
        **params: Any,
    ) -> Run:
        """Make a run; returns at once.

        An identical run that lives or has succeeded is shown again instead, free of charge.

        Parameters
        ----------
        image
            Start frame: path, URL, bytes, PIL image, array, motion pad or motion brush.
        prompt
            What shall happen.
        brush
            Motion brush or motion pad.
        way
            How the brush reaches the model: ``native`` (masks and paths), ``endframe`` (a picture with the
            objects at the end of their paths), ``words`` (appended to the prompt); None or ``auto`` takes
            the first of these that the model can do, and the run says which and why.
        provider
            Where it goes, as for :class:`Session`.
        again
            Make another run although an identical one exists.
        force
            Send in spite of blocking findings (never past a cost limit or budget).
        repeat
            Number of this repetition, from 1: part of the identity, so the third of three repeats is always
            the same run.
        name, tags, note, notebook
            Your own words, kept in the log.
        sweep
            Name of a group of runs that share a budget.
        budget
            Kling units, or dollars as ``"$5"``, that this run, or all runs of its sweep, must not exceed.
        assume_units
            What the run counts in budgets where its price is unknown.
        **params
            Any request field under any accepted name; ``timeout`` in seconds limits :meth:`Run.wait`;
            ``brush_names`` (in order, or by label) are what ``way="words"`` calls the moving objects.

        Raises
        ------
        RequestRefused
            Blocking findings; nothing was sent.
        BudgetError
            A budget forbids the run; nothing was sent.
        MediaError
            A picture cannot be read.
        RunLogError
            The log cannot be written; nothing was sent.
        """
        label = Label(
            name, note, tags_given(tags), notebook, repeat, again, force, sweep, budget, assume_units
        )
        given = {"image": image, "prompt": prompt, "brush": brush, "way": way, **params}
        # Whether an identical run exists is asked once, when the row is claimed.
        return self.send(self._build(provider, given, lambda _: None), label)

    def extend(self, source: str | Run, prompt: str | None = None, **params: Any) -> Run:
        """Make an earlier clip longer by four to five seconds; returns at once.

        Parameters
        ----------
        source
            The run whose video goes on, its id, or the id of a video (not of its task).
        prompt
            What shall happen next.
        **params
            ``negative_prompt``, ``cfg_scale``, and what :meth:`submit` takes besides the request.

        Raises
        ------
        InputError
            The source is a task's id, or has no video that could go on.
        RequestRefused
            The model, the age or the length of the video do not allow it; nothing was sent.
        """
        # None would be a field that is not given: a clip from words.
        return self.submit(prompt=prompt, video_id="" if source is None else source, **params)

    def vary(self, source: str | Run, **changes: Any) -> Run:
        """Make a run again with changes; returns at once. See :meth:`Run.vary`.

        Parameters
        ----------
        source
            The run or its id.
        **changes
            What :meth:`submit` takes; None takes a field away.
        """
        run = self.run(source) if isinstance(source, str) else source
        return self.submit(**varied(keywords_of(run.record, self.inputs), changes))

    def send(self, prepared: Prepared, label: Label | None = None) -> Run:
        """Make a run of a built request; see :meth:`submit`."""
        label = label or Label()
        check_label(label)
        timeout = _seconds(prepared.options.get("timeout"))
        prepared.check(force=label.force)
        engine = self._engine
        base_url = engine.pool.address(prepared.provider)
        files = keep_inputs(prepared.request, self.inputs)
        if prepared.way is not None:
            files |= keep_inputs(prepared.drawn, self.inputs)
        record = record_of(
            prepared,
            label,
            base_url=base_url,
            owner=str(engine.owner),
            lease_s=LEASE_S,
            mask_files=files,
            parent=parent_of(self.log, prepared.request.video_id),
        )
        run = self.claim(record, again=label.again, rebuilt=lambda: prepared.request)
        run.default_timeout = timeout
        return run

    def prepare(self, given: dict[str, Any]) -> Prepared:
        """Build and check a request from keywords of :meth:`submit`, without asking the log for a twin."""
        provider = given.get("provider")
        fields = {name: value for name, value in given.items() if name != "provider"}
        return self._build(provider, fields, lambda _: None)

    def claim(self, record: RunRecord, *, again: bool, rebuilt: Callable[[], VideoRequest]) -> Run:
        """Write down a new run and send it, or go on with the identical one that the log has.

        Parameters
        ----------
        record
            Its row.
        again
            Make it although an identical one exists.
        rebuilt
            Returns its request.

        Raises
        ------
        BudgetError
            A budget forbids the run; nothing was sent.
        """
        engine = self._engine
        with engine.turn:
            # Survives the death of the kernel; before the request leaves, ``sending_at`` also makes it
            # survive a power cut.
            caps = caps_of(engine.pool.settings, record)
            held = self.log.claim(record, again=again, durable=False, caps=caps)
        run = self._run_of(held)
        if held.id == record.id:
            self._follow(run, send=True, rebuilt=rebuilt)
        else:
            self.reuse(run)
        return run

    def reuse(self, run: Run) -> None:
        """Go on with an identical run instead of making another."""
        run.set_reused()
        status = run.status
        if run.complete:
            run.add_notice(f"reused {run.id}, no charge")
            return
        words = {
            RunStatus.SUCCEEDED: "its video is fetched again",
            RunStatus.CREATED: "it was never sent and is sent now",
            RunStatus.UNCERTAIN: (
                "its answer was lost; it is looked up before anything is sent"
                if providers.get(run.provider).has_external_id
                else "its answer was lost, and nothing is sent again before you have looked for its task"
            ),
        }
        run.add_notice(f"reused {run.id}, no second charge: {words.get(status, 'it is still running')}")
        self._follow(run, send=True)

    def resume(self, *ids: str | Run, wait: bool = False, send: bool = True) -> list[Run]:
        """Go on with unfinished runs.

        Runs in flight are followed, missing videos fetched, lost answers looked up. Nothing is ever sent that
        the service may already have.

        Parameters
        ----------
        *ids
            Only these runs; none means all unfinished ones.
        wait
            Wait until they are through.
        send
            Also send runs that were never sent, and lost ones that the service does not know. False only
            follows and looks up: what happens by itself when the extension is loaded.

        Raises
        ------
        RunLogError
            The log cannot be written: nothing is followed, because nothing could be kept.
        """
        self.ready()
        self.log.check()
        named = [self.run(some) if isinstance(some, str) else some for some in ids]
        runs = named if ids else self.unfinished()
        for run in runs:
            if send or not _never_sent(run.record):
                self._follow(run, send=send)
        for run in runs if wait else ():
            run.wait(raise_on_failure=False)
        return runs

    def attach(
        self,
        some_id: str,
        *,
        provider: str | None = None,
        run: str | Run | None = None,
        force: bool = False,
    ) -> Run:
        """Follow a task by the service's id, by its external id, or a run by its run id.

        Parameters
        ----------
        some_id
            Task id, external id or run id.
        provider
            Where the task lives, for tasks that are not in the log, and ids that several services use.
        run
            A run whose answer was lost, and whose task this is: a person found it in the service's console.
        force
            Bind the task although the service says that its prompt is another one.

        Raises
        ------
        TaskNotFound
            The service knows no such task.
        InputError
            The task cannot be that run's.
        """
        self.ready()
        some_id = id_of_task(some_id)
        if run is not None:
            return self._bind(some_id, self.run(run) if isinstance(run, str) else run, provider, force)
        found_here = self.log.find(task_id=some_id) or self.log.find(external_task_id=some_id)
        known = [row for row in found_here if provider in (None, row.provider)]
        if not known and some_id.lower().startswith("r-"):
            known = [self.log.get(some_id)]
        if known:
            found = self._run_of(known[0])
        else:
            found = self._run_of(self._engine.adopt(some_id, self.choose_provider(provider).provider))
        self._follow(found, send=False)
        return found

    def _bind(self, task_id: str, run: Run, provider: str | None, force: bool) -> Run:
        """Give a run the task that a person found for it."""
        record = run.record
        if provider is not None and provider != record.provider:
            raise InputError(
                f"Run {run.id} was sent to {record.provider}, not to {provider}.",
                "A task is found where it was made.",
                f'kn.attach("{task_id}", run="{run.id}") asks there.',
            )
        if record.task_id == task_id:
            # Said twice: it is bound already.
            self._follow(run, send=False)
            return run
        check_bindable(record, task_id, self.log.find(task_id=task_id))
        found = self._engine.find(task_id, record.provider or "official", record.base_url, form_of(record))
        check_bindable(record, found.task.task_id, self.log.find(task_id=found.task.task_id))
        columns = bound_columns(record, found.task, force=force)
        with self._engine.turn:
            self.log.update(run.id, **columns)
        run.set_columns(**columns)
        self._follow(run, send=False)
        return run

    def afford(self, prepared: Sequence[Prepared], label: Label) -> None:
        """Raise ``BudgetError`` when runs of one cell cannot all be paid; nothing is reserved."""
        check_affordable(self.log, self.ready(), prepared, label)

    def _build(
        self, provider: str | None, given: dict[str, Any], facts: building.Facts, *, draft: bool = False
    ) -> Prepared:
        settings = self.ready()
        source, choice = Source({}), choose_provider(settings, provider)
        if given.get("video_id") is not None:
            rehearsing = provider is None and settings.provider is not None and choice.is_rehearsal
            source = source_of(self.log, given["video_id"], provider, rehearsing=rehearsing)
            # What belongs to the video is taken over where nothing else is said.
            told = {name: value for name, value in given.items() if value is not None}
            given = {**source.fields, **told, "video_id": source.fields["video_id"]}
        if provider is None and source.provider is not None:
            choice = Choice(source.provider, "where the video was made")
        dialect = self._engine.pool.provider(choice.provider)
        able = providers.is_local(choice.provider) or self._uploads_by() is not None
        return building.build(
            choice, dialect, settings, given, facts, draft=draft, uploader=able, extra=source.problems
        )

    def _identical(self, identity: str, repeat: int) -> str | None:
        live = self.log.records(
            {
                "identity": identity,
                "repeat": repeat,
                "status": [s for s in RunStatus if s is not RunStatus.FAILED],
            },
            limit=1,
        )
        return live[0].id if live else None


def _never_sent(record: RunRecord) -> bool:
    return record.status is RunStatus.CREATED and record.sending_at is None


def _seconds(value: Any) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0):
        return None if value is None else float(value)
    raise UsageError(
        f"timeout={value!r:.60} is no time.",
        "It is how many seconds run.wait() and await run wait.",
        "Write a number of seconds, such as timeout=900.",
    )

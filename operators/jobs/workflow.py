"""Defines the base of the operators, so that each operator holds only its form and its words.

An operator's module has a function ``run(samples, *, ...)`` that does the work, and a class with
the form, the words and the output in the App. The base does the rest: FiftyOne's config, the call
from Python, the queue, the separate process, progress and cancel.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.files.installation import require_installed
from ...detector.progress import Progress
from ..app.buttons import button, next_words
from ..app.fold import fold
from ..app.form import Form, arguments
from ..app.open_dataset import require_dataset
from ..app.outcome import Ending
from ..app.progress_bar import terminal
from ..dataset import views
from ..operator_list import name_of
from . import job as jobs, job_list
from .delegated import in_app, stop_of
from .path_arguments import absolute

FACES = "faces"


class Workflow(foo.Operator):
    """An operator that answers at once, because its ``run`` takes only seconds.

    Attributes:
        label, description, icon, risk: what FiftyOne shows in its list
        works_on: the kind of dataset, :data:`FACES`; None for an operator that needs none
        parts: keys of :data:`detector.files.packages.PARTS` that it needs
        run_name: label of the queued job; ``{dataset}`` and the form's values are filled in
        answer: label of the output
        first: fields of the form that stay in front of the switch 'More'; empty: all of them
        writes: what it writes, as sentences; said before it starts
        then: names of the operators that are likely next
        options: further arguments of :class:`foo.OperatorConfig`
    """

    label: ClassVar[str]
    description: ClassVar[str]
    icon: ClassVar[str]
    risk: ClassVar[types.RiskLevel] = types.RiskLevel.LOW
    works_on: ClassVar[str | None] = FACES
    parts: ClassVar[tuple[str, ...]] = ()
    run_name: ClassVar[str] = ""
    answer: ClassVar[str] = ""
    first: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[str] = ""
    then: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[dict[str, Any]] = {}

    @property
    def config(self) -> foo.OperatorConfig:
        given = {"dynamic": True, "allow_delegated_execution": True, **self.options}
        return foo.OperatorConfig(
            name=name_of(type(self).__module__),
            label=self.label,
            description=self.description,
            icon=self.icon,
            allow_immediate_execution=True,
            risk_level=self.risk,
            **given,
        )

    @property
    def work(self) -> Callable[..., Any]:
        """The function ``run`` of the operator's module."""
        return sys.modules[type(self).__module__].run

    # -- what an operator defines

    def fill(self, form: Form, target: Any) -> None:
        """Add the form's fields for the samples ``target`` (None if the operator needs none)."""

    def target(self, ctx: Any) -> Any:
        """Return the samples to work on, checked, or None if the operator needs none."""
        if self.works_on is None:
            return None
        require_dataset(ctx, self.works_on)
        view = views.target(ctx)
        views.require_samples(view, "faces")
        return view

    def arguments(self, ctx: Any) -> dict[str, Any]:
        """Return the arguments of ``run`` from the form."""
        return arguments(self.work, ctx.params)

    def as_form(self, samples: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Return arguments of ``run`` as values of the form; the inverse of :meth:`arguments`.

        FiftyOne fills values that a queued call leaves out with the form's own defaults.
        """
        return params

    def shown(self, ctx: Any, result: Any) -> None:
        """Let the App show the changes."""
        ctx.ops.reload_dataset()

    def result(self, ctx: Any, found: Any) -> Any:
        """Return what the App receives of the result of ``run``."""
        return found

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        """Add the output that the App shows at the end."""
        for name in ("table", "text"):
            if found.get(name):
                outputs.str(name, view=types.MarkdownView())

    def amount(self, target: Any) -> str:
        """Return how much the operator works on, in words; "" if that is not known."""
        if target is None:
            return ""
        return f"{len(target):,} {'videos' if target.media_type == 'video' else 'faces'}"

    def how_long(self) -> str:
        """Return how long it takes, as a sentence; "" if the form says it elsewhere."""
        return "It takes seconds."

    # -- what FiftyOne calls

    def resolve_placement(self, ctx: Any) -> types.Placement | None:
        """Place a button above the grid if this is a likely next step there."""
        return button(self, ctx.dataset)

    def __call__(self, samples: Any, *, delegate: bool = False, **params: Any) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return self.call(samples, params, delegate=delegate)

    def call(self, samples: Any, params: dict[str, Any], *, delegate: bool = False) -> Any:
        """Run the work, or queue it for ``fiftyone delegated launch``."""
        require_installed(*self.parts)
        return self._queue(samples, params) if delegate else self.work(samples, **params)

    def _queue(self, samples: Any, params: dict[str, Any]) -> Any:
        # Absolute paths, because the worker may have another working folder.
        params = self.as_form(samples, absolute(self.work, params))
        context = {} if samples is None else dict(view=samples.view())
        return foo.execute_operator(self.uri, context, params=params, request_delegation=True)

    def resolve_input(self, ctx: Any) -> types.Property:
        form = Form(ctx, self.work)
        if form.has_parts(self.parts):
            needed = self.works_on is not None
            target = form.check(lambda: self.target(ctx)) if needed else None
            if target is not None or not needed:
                self.fill(form, target)
                self._announce(form, target)
        fold(form, self.first)
        return form.property(self.label)

    def _announce(self, form: Form, target: Any) -> None:
        """Say beforehand how many, how long, and what is written."""
        if not self.writes or not form.made:
            return
        text = " ".join(filter(None, (self.writes, self.how_long())))
        said, amount = form.inputs.properties.get("plan"), self.amount(target)
        if said is not None:
            more = f"{said.view.description or ''} {text}".strip()
            form.notice("plan", said.view.label, more)  # takes its place
        elif amount:
            form.notice("plan", amount, text)

    def resolve_run_name(self, ctx: Any) -> str:
        """Return the label of the queued job."""
        return _filled(self.run_name, ctx.params, None if ctx.dataset is None else ctx.dataset.name)

    def execute(self, ctx: Any) -> Any:
        require_installed(*self.parts)
        found = self.work(self.target(ctx), **self.arguments(ctx))
        if not ctx.delegated and ctx.executor:
            self.shown(ctx, found)
        return self.result(ctx, found)

    def resolve_output(self, ctx: Any) -> types.Property | None:
        outputs = types.Object()
        if ctx.results:
            self.show(outputs, ctx.results)
            if self.then:
                outputs.md(next_words(self.then), name="next")
        return types.Property(outputs, view=types.View(label=self.answer or self.label))


class JobWorkflow(Workflow):
    """An operator whose ``run`` may take hours; the App starts it in a separate process.

    Attributes:
        bar: label of the progress bar if it is called from Python
        doing: label of the progress in the App
    """

    bar: ClassVar[str]
    doing: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {"execute_as_generator": True}

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        """Return what the App shows of the job's result ``done``."""
        raise NotImplementedError

    def how_long(self) -> str:
        return job_list.last_run(self.name) or "How long is not known before the first run here."

    def before(self, ctx: Any, target: Any, params: dict[str, Any]) -> Generator[Any, None, bool]:
        """Send the App's messages before the job is started.

        Returns:
            whether everything is done and no job has to be started
        """
        yield from ()
        return False

    def __call__(
        self,
        samples: Any,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`.

        Args:
            samples: dataset or view
            delegate: queue the run for ``fiftyone delegated launch`` instead
            progress: callback; None: a progress bar
        """
        return self.call(samples, params, delegate=delegate, progress=progress)

    def call(
        self,
        samples: Any,
        params: dict[str, Any],
        *,
        delegate: bool = False,
        progress: Progress | None = None,
    ) -> Any:
        require_installed(*self.parts)
        if delegate:
            return self._queue(samples, params)
        if progress is not None:
            return self.work(samples, progress=progress, **params)
        with terminal(_filled(self.bar, params, None)) as shown:
            return self.work(samples, progress=shown, **params)

    def resolve_output(self, ctx: Any) -> None:
        """Return None; the App asks for no output of an operator that sends messages."""

    def execute(self, ctx: Any) -> Iterator[Any]:
        require_installed(*self.parts)  # now, not when the first message is requested
        return self._messages(ctx)

    def _messages(self, ctx: Any) -> Iterator[Any]:
        target, params = self.target(ctx), self.arguments(ctx)
        if ctx.delegated:
            yield self.work(target, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        if (yield from self.before(ctx, target, params)):
            return
        job = jobs.start(self.name, target, params)
        yield from jobs.follow(ctx, job, self.doing)
        yield from self._end(ctx, job.result())

    def _end(self, ctx: Any, done: dict[str, Any]) -> Iterator[Any]:
        ending = self.ending(ctx, done)
        yield from replace(ending, then=ending.then or self.then).messages(ctx)


def _filled(template: str, params: dict[str, Any], dataset: str | None) -> str:
    return template.format_map(defaultdict(lambda: None, params, dataset=dataset))

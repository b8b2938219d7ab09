"""Defines the operator ``import_dataset``: from a folder to labelled, paired, grouped samples."""

from __future__ import annotations

import contextlib
import queue
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.records import LABELS
from ..app.form import Form, chosen_path, defaults
from ..app.outcome import Ending
from ..dataset import fields, label_sync, views
from ..dataset.appearance import dress
from ..dataset.label_sync import Correction
from ..dataset.lease import exclusively
from ..importers.contract import ImportOptions
from ..importers.plan import ImportPlan, plan_source, read_source
from ..jobs import job as jobs, job_list
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow
from . import import_form, import_target, import_writer, video_metadata
from .import_views import save_views


@with_paths("root")
@exclusively(
    lambda root, name=None, dry_run=False, **_: None if dry_run else (name or str(root), "import")
)
def run(
    root: str,
    *,
    name: str | None = None,
    format: str = "auto",
    dry_run: bool = False,
    metadata: bool = True,
    relocate: bool = False,
    update: bool = False,
    workers: int = 0,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
    **options: Any,
) -> dict[str, Any]:
    """Import a deepfake dataset from its folder.

    Videos become a video dataset, frames and crops an image dataset. Importing the same folder
    again adds only new samples; tags, scores and other fields stay.

    Args:
        root: the dataset's root folder (or a manifest file)
        name: name of the FiftyOne dataset; None: the name of the format
        format: ``auto``, or the name of an importer (docs/datasets.md)
        dry_run: whether to write nothing and only return the report
        metadata: whether to read the metadata of the video files; a broken file gets a reason
        relocate: whether the folder has moved and existing videos should point to this root
        update: whether to copy what the source now says about existing videos (labels, methods,
            official splits, pairs, identities) to them and their faces. Otherwise the present
            values stay, because somebody may have corrected them, and the report counts differences
        workers: number of threads that read metadata; 0: two per core
        progress, should_stop: see :mod:`detector.progress`
        **options: the fields of :class:`ImportOptions`: ``splits``, ``methods``,
            ``compressions``, ``labels``, ``max_per_class``, ``audio_only``, ``derive_splits``, ...

    Returns:
        ``{"dataset", "kind", "format", "counts", "added", "already_there", "updated", "differs",
        "corrected", "relocated", "broken", "report"}``; ``counts`` is label -> videos, ``broken``
        is reason -> files, including empty ones; ``differs`` is field -> videos for which the
        source and the dataset differed, ``corrected`` how many of them were changed; ``report`` is
        an :class:`ImportReport` with ``table()`` and ``to_json()``

    Raises:
        ForensicsError: bad input, or another import into it is running; nothing is written then
        Cancelled: stopped by the user; nothing is added then
    """
    chosen = ImportOptions.from_params(options)
    source = read_source(root, format, chosen)
    name = name or source.importer.name
    target = fo.load_dataset(name) if fo.dataset_exists(name) else None
    there = _stored(target, name)
    plan = plan_source(source, chosen, there.videos)
    differs = label_sync.corrections(target, plan.records)
    plan.report.warnings.extend(label_sync.words(differs, update and not dry_run))
    if dry_run:
        plan.report.written = import_writer.foresee(plan, there)
        return _result(plan, name, {}, differs, {})
    import_writer.check_attributes(target, plan.records)
    moved = _moved(plan, there, relocate)
    dataset, is_new = import_writer.open_target(name, plan.media, plan.records[0].aligned)
    try:
        written = import_writer.write_plan(dataset, plan, there, progress, should_stop)
    except BaseException:
        if is_new:
            fo.delete_dataset(name)
        raise
    if update:
        written["corrected"] = label_sync.take_over(dataset, differs)
    if plan.media == "video":
        _tell_faces(dataset, differs, update)
    if moved:
        written["relocated"] = import_target.relocate(dataset, moved)
        import_target.relocate_faces(dataset, moved)
    plan.report.written = written
    _describe(dataset, plan, format, chosen)
    broken: dict[str, int] = {}
    if metadata and plan.media == "video":
        broken = video_metadata.run(
            dataset, workers=workers, progress=progress, should_stop=should_stop
        )["reasons"]
    return _result(plan, name, written, differs, broken)


def _tell_faces(videos: fo.Dataset, differs: Sequence[Correction], update: bool) -> None:
    """Copy groups, pairs and new splits to the faces, and corrections if ``update`` is set."""
    faces = views.faces_of(videos)
    if faces is None:
        return
    label_sync.sync_faces(videos, faces, label_sync.LINKS)
    for correction in differs if update else ():
        label_sync.set_by_video(faces, correction.field, correction.values)


def _stored(target: fo.Dataset | None, name: str) -> import_target.Stored:
    """Return the content of the target, if it is one of our datasets.

    Raises:
        ForensicsError: it is not ours
    """
    ours = target is None or fields.describe(target).get("kind")
    if target is not None and (fields.is_adopted(target) or (len(target) and not ours)):
        raise ForensicsError(
            f"The dataset {name!r} exists and was not made by this plugin.",
            "Choose another name; to work on what it holds, run 'Use dataset'.",
            "name",
        )
    return import_target.stored(target)


def _moved(plan: ImportPlan, there: import_target.Stored, relocate: bool) -> list[Any]:
    """Return the videos to relocate.

    Raises:
        ForensicsError: some have moved and ``relocate`` is not set; or none of them is in the
            folder
    """
    moved = import_target.moved_videos(plan.records, there)
    if relocate and not any(record.video_id in there.paths for record in plan.records):
        lost = [path for path in there.paths.values() if not Path(path).exists()]
        if lost:
            raise ForensicsError(
                f"None of the videos that are no longer where they were (for example {lost[0]}) "
                "is in this folder.",
                "Choose the folder that holds them now, and keep its name: some formats take the "
                "dataset's name from it.",
                "root",
            )
    if moved and not relocate:
        old = there.paths[moved[0].video_id]
        raise ForensicsError(
            f"{len(moved)} videos of the dataset are no longer where they were (for example "
            f"{old}), but they are in this folder.",
            "Set relocate=True (form: 'The folder has moved') to point the dataset at it.",
            "relocate",
        )
    return moved


def _describe(dataset: fo.Dataset, plan: ImportPlan, format: str, options: ImportOptions) -> None:
    """Record the import, and set the dataset's views, sidebar and colours."""
    about = fields.describe(dataset)
    record = {
        "root": plan.root,
        "format": plan.importer.name,
        "asked_for": format,
        "options": {n: _plain(getattr(options, n)) for n in options.__dataclass_fields__},
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "written": plan.report.written,
        "license_note": plan.importer.license_note,
    }
    values: dict[str, Any] = {"imports": [*about.get("imports", []), record]}
    if plan.media == "video":
        values["kind"] = "videos"
    else:
        values |= {"kind": "faces", "aligned": plan.records[0].aligned}
    fields.set_description(dataset, **values)
    save_views(dataset)
    dress(dataset)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _result(
    plan: ImportPlan,
    name: str,
    written: dict[str, int],
    differs: Sequence[Correction],
    broken: Mapping[str, int],
) -> dict[str, Any]:
    counts = dict.fromkeys(LABELS, 0) | Counter(record.label_name for record in plan.records)
    return {
        "dataset": name,
        "kind": "videos" if plan.media == "video" else "faces",
        "format": plan.importer.name,
        "counts": counts,
        "added": written.get("added", 0),
        "already_there": written.get("already there", 0),
        "updated": written.get("updated", 0),
        "differs": {c.field.removesuffix(".label"): len(c.values) for c in differs},
        "corrected": written.get("corrected", 0),
        "relocated": written.get("relocated", 0),
        "broken": dict(Counter(broken) + Counter(_empty(plan))),
        "report": plan.report,
    }


def _empty(plan: ImportPlan) -> Iterator[str]:
    """Yield the reason of each chosen video or frame that is known in advance to give nothing."""
    for record in plan.records:
        for path in [path for _, path in record.frames] or [record.path]:
            if path in plan.reasons:
                yield plan.reasons[path].value


class ImportDataset(JobWorkflow):
    """Operator that turns a dataset's folder into samples with labels, pairs, splits and groups."""

    label = "Import deepfake dataset"
    description = (
        "Recognise a dataset's folder, show what it holds against the official "
        "counts, and import labels, methods, pairs, splits and leakage groups"
    )
    icon = "drive_folder_upload"
    risk = types.RiskLevel.MEDIUM
    works_on = None
    bar, doing = "import", "Metadata"
    first = ("root", "format", "pattern", "aligned", "max_per_class", "name")
    writes = "It writes samples that point to your files; the folder stays as it is."

    def __call__(
        self,
        root: str,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run the operator from Python, with the arguments and the result of :func:`run`.

        Args:
            root: the dataset's root folder
            delegate: queue the run for ``fiftyone delegated launch`` instead
            progress: callback; None: a progress bar
        """
        if delegate:
            return self.call(None, {"root": str(root), **params}, delegate=True)
        if params.get("dry_run"):
            progress = progress or silent
        return self.call(str(root), params, progress=progress)

    def fill(self, form: Form, target: Any) -> None:
        import_form.fill(form)

    def resolve_run_name(self, ctx: Any) -> str:
        return f"Import {chosen_path(ctx.params.get('root')) or 'a dataset'}"

    def how_long(self) -> str:
        text = "The records take seconds, the metadata of many videos longer."
        return job_list.last_run("video_metadata") or text

    def target(self, ctx: Any) -> str:
        root = chosen_path(ctx.params.get("root"))
        if not root:
            raise ForensicsError(
                "No folder is chosen.", "Choose the dataset's root folder.", "root"
            )
        return root

    def arguments(self, ctx: Any) -> dict[str, Any]:
        names = {*defaults(run), *ImportOptions.__dataclass_fields__} - {"dry_run"}
        given = {name: ctx.params[name] for name in names if name in ctx.params}
        return {name: value for name, value in given.items() if value not in (None, "", [])}

    def _messages(self, ctx: Any) -> Iterator[Any]:
        root, params = self.target(ctx), self.arguments(ctx)
        if ctx.delegated:
            done = run(root, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            yield {**done, "report": done["report"].to_json()}
            return
        # Records take seconds; metadata may take longer than FiftyOne waits for an answer.
        wants_metadata = params.pop("metadata", True)
        done = yield from _with_progress(ctx, lambda tell: run(
            root, metadata=False, progress=tell, **params
        ))  # fmt: skip
        broken: dict[str, int] = done["broken"]
        trouble = ""
        if wants_metadata and done["kind"] == "videos":
            job = jobs.start("video_metadata", fo.load_dataset(done["dataset"]), {})
            yield from jobs.follow(ctx, job, self.doing)
            try:
                broken = dict(Counter(broken) + Counter(job.result()["reasons"]))
            except ForensicsError as error:  # the import itself is done and stays
                trouble = f"; the metadata were not read: {error}"
        text = f"{done['added']} added, {done['already_there']} were there"
        text += "".join(f"; {n} with another {name}" for name, n in done["differs"].items())
        text += f": {done['corrected']} corrected" if done["corrected"] else ""
        text += f"; {sum(broken.values())} files cannot be read" if broken else ""
        yield ctx.ops.set_progress(label=text, progress=1.0)
        lost = bool(broken or trouble or done["differs"])
        then = ("extract_faces" if done["kind"] == "videos" else "score_faces",)
        ending = Ending(text + trouble, warn=lost, opens=done["dataset"], then=then)
        yield from ending.messages(ctx)


def _with_progress(
    ctx: Any, work: Callable[[Progress], dict[str, Any]]
) -> Generator[Any, None, dict[str, Any]]:
    """Run ``work`` in a thread and yield the App's progress messages meanwhile."""
    steps: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
    yield ctx.ops.set_progress(label="Reading the folder", progress=0.0)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work, lambda done, total, text: steps.put((done, total)))
        while not future.done():
            with contextlib.suppress(queue.Empty):
                done, total = steps.get(timeout=0.2)
                label = f"Import: {done} of {total} samples"
                yield ctx.ops.set_progress(label=label, progress=done / max(total, 1))
    return future.result()

"""Defines the operator ``export_report``: one page and its tables for a dataset or a case."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.audit import threshold as audit_threshold
from ...detector.audit.units import LEVELS
from ...detector.files import minisign
from ...detector.files.outputs import claim_folder
from ...detector.files.paths import one_part
from ...detector.progress import Progress, ShouldStop, never, silent
from ..app.checks import require_from, require_known, require_threshold
from ..app.current_detector import current
from ..app.form import Form
from ..app.open_dataset import require_dataset
from ..app.outcome import Ending
from ..dataset import default_folders, face_columns, views
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow
from ..thresholds.stored_thresholds import stored_of
from .pdf import require_engine
from .texts import TEXTS, texts_of


@with_paths("folder", "sign_with")
def run(
    samples: Any,
    *,
    key: str = "",
    folder: str | None = None,
    level: str = "video",
    threshold: float | None = None,
    threshold_from: str | None = None,
    breakdowns: list[str] | None = None,
    examples: int = 12,
    blur: bool = False,
    hash_files: bool = True,
    title: str = "",
    note: str = "",
    sign_with: str | None = None,
    organisation: str = "",
    language: str = "en",
    pdf: bool = False,
    app: str = "",
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Write a report of the stored scores of detector ``key`` on ``samples``.

    The folder gets ``report.html`` (self-contained: it opens offline, prints and runs no script),
    ``report.json``, ``rates.csv``, ``videos.csv`` and ``SHA256SUMS``, which ``media-forensics
    verify`` compares with them. The folder appears complete or not at all. That of a case (what
    'Analyze file' made) also gets ``case.html``, a page for each file, and ``case.json``.

    Args:
        samples: faces dataset or view, or a video dataset or view (a case)
        key: detector key; "" only for a case in which no file has a face
        folder: a folder that does not exist yet, or is empty; a new one by default
        level: ``face``, ``person`` or ``video``: what the rates count
        threshold: p_fake from which a unit counts as fake
        threshold_from: a source of :mod:`detector.audit.threshold`; by default ``hand`` if a
            threshold is given, else the rule of :class:`detector.audit.threshold.Stored`
        breakdowns: fields with a table of their own; the quality fields by default
        examples: number of faces shown per kind of error
        blur: whether to blur the faces that are shown
        hash_files: whether to write the sha256 of every video file, and to tell whether a case's
            files are still the same, which reads them all
        title, note: texts at the top of the report
        sign_with: file of a secret key (``minisign -G``) that signs ``SHA256SUMS``; its password,
            if it has one, is in :data:`detector.files.minisign.PASSWORD`
        organisation: name at the top of the pages of a case
        language: of their headings and definitions, see :mod:`.texts`
        pdf: also write ``case.pdf`` (``report.pdf`` if it is no case), by a browser of this machine
        app: address of the App for the links of a case; by default this machine's
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"folder", "html", "videos", "not_scored", "files": {name: sha256}}``

    Raises:
        ForensicsError: if nothing is scored, an argument is not valid, or the key cannot sign
        Cancelled: if the user stopped it; nothing is written
    """
    from . import case_facts
    from .contents import Settings
    from .facts import collect, named
    from .files import CaseWords, Pages, write

    view = views.flat(samples)
    dataset = views.dataset_of(view)
    _check(level, threshold, examples)
    new = f"{one_part(dataset.name)}-{key}-{default_folders.stamp()}"
    usual = default_folders.of_kind(default_folders.REPORTS) / new
    target = claim_folder(folder or usual, "folder")
    texts_of(language)
    if pdf:
        require_engine()
    signer = minisign.read_secret_key(sign_with) if sign_with else None
    source = threshold_from or _source(dataset, key, threshold)
    settings = Settings(
        key=key,
        level=level,
        source=source,
        threshold=0.5 if threshold is None else threshold,
        breakdowns=None if breakdowns is None else tuple(breakdowns),
        examples=examples,
        blur=blur,
        hash_files=hash_files,
        title=title,
        note=note,
    )
    case = None
    if case_facts.is_case(dataset):
        case = case_facts.collect_case(dataset, app or case_facts.app_address(), blur, hash_files)
    if case is not None and views.is_empty(view):  # no file has a face
        facts = None
    else:
        facts = collect(view, named(settings, f"Report on {dataset.name}"), progress, should_stop)
    words = CaseWords(title or f"{texts_of(language)['case']}: {dataset.name}", note, organisation)
    pages = Pages(facts, case, words, language, pdf, key)
    hashes = write(claim_folder(target, "folder"), pages, signer)
    videos = facts.videos if facts is not None else []
    return {
        "folder": str(target),
        "html": str(target / ("report.html" if case is None else "case.html")),
        "videos": len(videos),
        "not_scored": sum(video.p_fake is None for video in videos),
        "files": hashes,
    }


def _check(level: str, threshold: float | None, examples: int) -> None:
    require_known("level", level, LEVELS)
    require_threshold(threshold)
    require_from(0, examples=examples)


def _source(dataset: fo.Dataset, key: str, threshold: float | None) -> str:
    """Return where the threshold comes from by default."""
    if threshold is not None:
        return audit_threshold.HAND
    return stored_of(face_columns.source_of(dataset).faces, key).default


def _faceless(dataset: fo.Dataset) -> bool:
    """Return whether it is a case in which no file has a face, which has a report all the same."""
    from .case_facts import is_case

    return is_case(dataset) and views.is_empty(dataset)


class ExportReport(JobWorkflow):
    """Operator that writes a page and tables of what was examined, found, and not scored."""

    label = "Export report"
    description = (
        "One self-contained page with tables, plots and examples, and CSV and JSON "
        "beside it: what was examined, how, at which threshold, with which errors"
    )
    icon = "summarize"
    risk = types.RiskLevel.MEDIUM
    run_name = "Report on {dataset}"
    bar, doing = "report", "Report"
    first = ("key", "title", "level", "threshold_from", "threshold")
    writes = "It writes a page that opens offline, its tables and their hashes to a new folder."

    def target(self, ctx: Any) -> Any:
        require_dataset(ctx)
        if not _faceless(ctx.dataset):
            face_columns.detector_keys(face_columns.source_of(ctx.dataset).faces)
        return views.target(ctx)  # offers dataset, view or selection

    def fill(self, form: Form, target: Any) -> None:
        if not _faceless(form.dataset) and not self._about_scores(form):
            return
        form.text("title", "Title", "Of the report; the dataset's name if empty")
        form.text("note", "Note", "Shown under the title")
        form.flag("blur", "Blur faces", "Persons cannot be recognised in the examples")
        form.flag("hash_files", "Hash the video files", "sha256 of every file; reads them all")
        form.text("organisation", "Organisation", "At the top of a case's pages")
        form.choice(
            "language", [(code, code) for code in TEXTS], "Language", "Of a case's headings"
        )
        form.flag("pdf", "Also as PDF", "By a Chromium, Chrome or Edge of this machine")
        form.text("sign_with", "Sign with", "File of a secret key of minisign; empty: not signed")
        form.text("folder", "Folder", "A new or empty folder; a default one if empty")

        def looked_at() -> None:
            if not _faceless(form.dataset):
                _check(form.value("level"), form.value("threshold"), form.value("examples"))
            if form.params.get("folder"):
                claim_folder(form.params["folder"], "folder")
            if form.params.get("pdf"):
                require_engine()

        form.check(looked_at)

    def _about_scores(self, form: Form) -> bool:
        """Add what needs a detector's scores; return whether there are any."""
        faces = face_columns.source_of(form.dataset).faces
        if not form.detector(dataset=faces):
            return False
        levels = [(level, f"per {level}") for level in LEVELS]
        form.choice("level", levels, "Judged", "What the error rates count")
        key = str(form.params.get("key") or current(faces, face_columns.detector_keys(faces)))
        origins = audit_threshold.sources(stored_of(faces, key))
        text = "Shown in the report beside every rate"
        usual = _source(form.dataset, key, None)
        form.choice("threshold_from", origins, "Threshold from", text, default=usual)
        if form.params.get("threshold_from") == audit_threshold.HAND:
            form.number("threshold", "Threshold", "On p_fake, 0 to 1", default=0.5)
        form.whole("examples", "Examples", "Faces shown per kind of error", least=0)
        return True

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        lost = f"; {done['not_scored']} videos not scored" if done["not_scored"] else ""
        return Ending(f"The report is in {done['html']}{lost}", reload=False)

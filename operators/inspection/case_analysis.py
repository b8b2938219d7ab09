"""Analyzes the files of a case with one detector or two, and keeps each as soon as it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.errors import Cancelled, ForensicsError
from ...detector.file_facts.file_reading import facts_of
from ...detector.file_facts.frame_hashes import frame_hashes
from ...detector.files.allowed_roots import require_files
from ...detector.files.hashes import file_sha256
from ...detector.files.paths import readable
from ...detector.progress import Progress, ShouldStop
from ...detector.text.markdown import plain
from ...detector.weights.known_detectors import find_detector
from ..cases import case_records
from ..dataset.dataset_changes import require_there
from ..thresholds.calibrations import calibration_of_checkpoint, stored_calibration
from ..training.detector_list import detector_source
from . import analyses_dataset, comparable_material, look_alikes
from .analysis_report import markdown

if TYPE_CHECKING:
    from ...detector.audit.threshold import Threshold
    from ...detector.faces.interface import FaceDetector
    from ...detector.model.detector import Detector
    from ...detector.records import CropRecipe


@dataclass
class Examiner:
    """A loaded detector with its threshold, and the audited material that it has scored.

    Attributes:
        model, source: the detector, and where it was loaded from
        faces: the face detector of its recipe
        threshold, calibration: from where the analysis takes its threshold
        audited: datasets that it has scored
        settings: hash of everything that its result depends on besides the file
        recipe: of the crops that it scores
    """

    model: Detector
    source: str
    faces: FaceDetector
    threshold: Threshold
    calibration: dict[str, Any] | None
    audited: comparable_material.Audited
    settings: str
    recipe: CropRecipe


@dataclass(frozen=True)
class Subject:
    """A file that is analyzed.

    Attributes:
        path, sha256: where it is, and what it is
        case: dataset of its case, None for none
        compared: videos that it may look like
    """

    path: Path
    sha256: str
    case: fo.Dataset | None
    compared: look_alikes.Compared


@dataclass
class Case:
    """The settings of a run over the files of a case.

    Attributes:
        home: dataset whose training runs and calibrations may be named
        name: of the case's dataset, "" for none
        crops: folder of the crop store
        rule, count, compression, device, face_weights: see :func:`.analyze_file.run`
    """

    home: fo.Dataset | None
    name: str
    crops: Path
    rule: str | None
    count: int
    compression: str
    device: str | None
    face_weights: str | None

    def run(
        self,
        paths: Sequence[str],
        sources: Sequence[str],
        calibrated_for: str | None,
        compare_with: Sequence[str] | None,
        progress: Progress,
        should_stop: ShouldStop,
    ) -> dict[str, Any]:
        """Analyze each file with each detector; see :func:`.analyze_file.run`."""
        from ...detector.scoring.file_analysis import files_of, left_out

        named = [self._source(source) for source in sources]
        files = list(dict.fromkeys(file for path in paths for file in files_of(path)))
        if not files:
            raise ForensicsError("No file is named.", "Name one.", "path")
        require_files((str(file.absolute()) for file in files), "files")
        others = [_named(name) for name in compare_with or () if name != self.name]
        case = analyses_dataset.open_case(self.name) if self.name else None
        examiners = [
            self._examiner(source, calibrated_for if n == 0 else None)
            for n, source in enumerate(named)
        ]
        if len({one.model.sha256 for one in examiners}) < len(examiners):
            raise ForensicsError(
                "Both detectors are the same checkpoint.", "Choose another, or none.", "second"
            )
        compared = look_alikes.compared_with(others, progress, should_stop)
        results: list[dict[str, Any]] = []
        failed: list[tuple[str, str]] = []
        known = 0
        for number, file in enumerate(files, 1):
            if should_stop():
                raise Cancelled(
                    f"Stopped after {number - 1} of {len(files)} files.", "Run it again."
                )
            shown = progress if len(files) == 1 else None
            if (name := readable(file)) != str(file):
                failed.append((name, "Its name is no text in UTF-8: rename it."))
                continue
            try:
                subject = Subject(file, file_sha256(file), case, compared)
                for examiner in examiners:
                    record = self._known(subject, examiner)
                    if record is None:
                        record = self._examine(subject, examiner, shown, should_stop)
                    else:
                        known += 1
                    results.append(record)
            except (Cancelled, MemoryError):
                raise
            except (ForensicsError, OSError) as error:
                if case is not None:
                    require_there(case)  # deleted meanwhile: stop
                failed.append((str(file), str(error)))
            if len(files) > 1:
                progress(number, len(files), "files")
        if not results:
            more = f" The same holds for {len(failed) - 1} more files." if failed[1:] else ""
            raise ForensicsError(f"{failed[0][0]} cannot be analyzed: {failed[0][1]}{more}")
        left = [text for path in paths if (text := left_out(path))]
        left += [sentence for sentence in compared.unread.values() if sentence]
        return {
            "files": results,
            "dataset": case.name if case is not None else None,
            "text": _text(results, failed, known, left, case),
            "known": known,
            "failed": [list(row) for row in failed],
        }

    def _source(self, detector: str) -> str:
        """Return where a detector is loaded from; an unknown one is refused before anything."""
        source = detector if self.home is None else detector_source(self.home, detector)
        find_detector(source)
        return source

    def _examiner(self, source: str, calibrated_for: str | None) -> Examiner:
        from ...detector.faces.detectors import detector_of
        from ...detector.model.checkpoints import load_detector
        from ...detector.scoring.file_analysis import recipe_for, recipe_of
        from ...detector.scoring.file_threshold import threshold_for

        model = load_detector(source, self.device)
        record = None
        if self.home is not None:
            record = (
                calibration_of_checkpoint(self.home, model.sha256)
                if calibrated_for is None
                else stored_calibration(self.home, calibrated_for)
            )
        threshold = threshold_for(model, record)
        faces = detector_of(recipe_of(model), device=self.device, weights=self.face_weights)
        recipe = recipe_for(model, faces, self.count)
        settings = case_records.settings_of(
            checkpoint=model.sha256,
            recipe=recipe.hash,
            rule=self.rule,
            threshold=threshold.to_json(),
            compression=self.compression,
        )
        audited = comparable_material.audited(model.sha256)
        return Examiner(model, source, faces, threshold, record, audited, settings, recipe)

    def _known(self, subject: Subject, examiner: Examiner) -> dict[str, Any] | None:
        """Return the analysis of a file that the case has, with its faces; else None.

        Where the file is now, its copies, look-alikes and the rates on comparable material are
        brought up to date: they change without the file.
        """
        case, sha256, path = subject.case, subject.sha256, str(subject.path)
        record = None if case is None else case_records.known(case, sha256, examiner.settings)
        if case is None or record is None:
            return None
        found = record["analysis"]
        scored = any(person["scored"] for person in found["persons"])
        if scored and not analyses_dataset.faces_kept(case, sha256, examiner.model.sha256):
            return None  # they or their crops were deleted
        analyses_dataset.moved(case, sha256, path)
        rates = comparable_material.rates(
            found, examiner.recipe, examiner.audited, self.compression
        )
        found = {**found, "comparable": rates}
        mine = tuple(int(value, 16) for value in record["hashes"])
        copies = [*look_alikes.copies(sha256, case), *subject.compared.looks_of(mine)]
        case_records.update(
            case,
            examiner.settings,
            record,
            path,
            analysis=found,
            copies=list(dict.fromkeys([*record["copies"], *copies])),
            unread=subject.compared.unread_for(mine, record["unread"]),
        )
        return {**found, "path": path, "known": True}

    def _examine(
        self,
        subject: Subject,
        examiner: Examiner,
        progress: Progress | None,
        should_stop: ShouldStop,
    ) -> dict[str, Any]:
        """Analyze a file, keep it in the case, and return the analysis as JSON."""
        from ...detector.scoring.file_analysis import analyze_file

        case, file = subject.case, subject.path
        analysis = analyze_file(
            file,
            examiner.model,
            examiner.faces,
            self.crops,
            threshold=examiner.threshold,
            calibration=examiner.calibration,
            rule=self.rule,
            count=self.count,
            name=None if case is None else analyses_dataset.known_as(case, subject.sha256),
            progress=progress,
            should_stop=should_stop,
        )
        found = analysis.to_json()
        found["like"] = comparable_material.measures(analysis)
        found["comparable"] = comparable_material.rates(
            found, examiner.recipe, examiner.audited, self.compression
        )
        if case is None:
            return found
        analyses_dataset.keep(case, analysis, examiner.model, examiner.source)
        try:
            mine = frame_hashes(file, should_stop)
        except (Cancelled, MemoryError):
            raise
        except (ForensicsError, OSError):
            mine = ()  # the analysis says why it cannot be read
        case_records.store(
            case,
            examiner.settings,
            analysis=found,
            facts=facts_of(file),
            hashes=mine,
            copies=[*look_alikes.copies(subject.sha256, case), *subject.compared.looks_of(mine)],
            unread=subject.compared.unread_for(mine, {}),
            path=str(file),
        )
        return found


def _named(name: str) -> fo.Dataset:
    if not fo.dataset_exists(name):
        raise ForensicsError(
            f"There is no dataset {name!r} to compare with.", "Choose another.", "compare_with"
        )
    return fo.load_dataset(name)


def _text(
    results: list[dict[str, Any]],
    failed: list[tuple[str, str]],
    known: int,
    left: list[str],
    case: fo.Dataset | None,
) -> str:
    parts = [markdown(result) for result in results]
    parts += [f"**{plain(Path(file).name)}: not analyzed.** {plain(why)}" for file, why in failed]
    parts += [plain(text) for text in left]
    if known:
        parts.append(
            f"{known} of {len(results)} analyses were in the case already: not computed again."
        )
    if case is not None:
        parts.append(
            f"The findings are in the dataset {plain(case.name)!r}. There, `drives` marks the "
            "faces of the frames named here. 'Export report' on it writes the findings, and what "
            "each file itself says."
        )
    return "\n\n".join(parts)

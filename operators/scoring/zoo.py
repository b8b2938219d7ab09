"""Offers detectors as FiftyOne models: ``apply_model``, ``compute_embeddings``, the model zoo.

The repository is a FiftyOne model source (``manifest.json``); the root ``__init__.py`` passes the
zoo's calls to this module. ``score_faces`` is still the better way to score a dataset: FiftyOne
loses a whole batch if one picture is bad, and cannot write scores and embeddings in one pass.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.models as fom

from ...detector.errors import ForensicsError
from ...detector.files.atomic import replacing
from ...detector.weights.hub_files import ORIGIN
from ...detector.weights.known_detectors import (
    PUBLISHED,
    PublishedDetector,
    check_published,
    fetch_published,
)
from ..dataset import fields

if TYPE_CHECKING:
    import numpy as np

    from ...detector.model.detector import Detector

ANY = "mediaforensics/detector"  # the zoo model that loads any checkpoint of the user


# The mixins come before Model, because FiftyOne asks the first class what the model can do.
class DetectorModel(fom.LogitsMixin, fom.EmbeddingsMixin, fom.TorchModelMixin, fom.Model):
    """A detector as a FiftyOne ``Model`` for images of aligned crops.

    Predictions are ``Classification`` with label ``real`` or ``fake``, confidence and logits;
    embeddings are unit vectors (D,).

    Args:
        detector: a loaded detector
        precision: see :meth:`detector.model.Detector.score_pixels`
    """

    def __init__(self, detector: Detector, precision: str | None = None) -> None:
        super().__init__()
        self.detector = detector
        self.precision = precision
        self._preprocess = True
        self._embeddings: np.ndarray | None = None

    @property
    def media_type(self) -> str:
        return "image"

    @property
    def has_logits(self) -> bool:
        return True

    @property
    def has_embeddings(self) -> bool:
        return True

    @property
    def ragged_batches(self) -> bool:
        return False

    @property
    def transforms(self) -> Any:
        return self.detector.backbone.preprocess.to_pixels

    @property
    def preprocess(self) -> bool:
        return self._preprocess

    @preprocess.setter
    def preprocess(self, value: bool) -> None:
        self._preprocess = value

    @property
    def _using_gpu(self) -> bool:
        return self.detector.device.type == "cuda"

    def _score(self, images: Any) -> Any:
        """Score a batch; pictures without ``transforms`` are preprocessed first."""
        import torch

        if self._preprocess or not isinstance(images, torch.Tensor):
            images = self.detector.backbone.preprocess.batch(list(images))
        found = self.detector.score_pixels(images, self.precision)
        self._embeddings = found.embeddings
        return found

    def predict(self, arg: Any) -> fo.Classification:
        return self.predict_all([arg] if self._preprocess else arg[None])[0]

    def predict_all(self, args: Any) -> list[fo.Classification]:
        found = self._score(args)
        rows = zip(found.p_fake, found.logits, strict=True)
        return [fields.classification(float(p_fake), logits) for p_fake, logits in rows]

    def get_embeddings(self) -> np.ndarray:
        if self._embeddings is None:
            raise ForensicsError("No picture has been scored yet.", "Call predict or embed first.")
        return self._embeddings

    def embed(self, arg: Any) -> np.ndarray:
        return self.embed_all([arg] if self._preprocess else arg[None])[0]

    def embed_all(self, args: Any) -> np.ndarray:
        return self._score(args).embeddings


def published(model_name: str) -> PublishedDetector:
    """Return the published detector of a zoo name such as ``mediaforensics/gend-clip-l14``.

    Raises:
        ForensicsError: the name is unknown
    """
    name = model_name.rpartition("/")[2].replace("-", "_")
    if name not in PUBLISHED:
        raise ForensicsError(
            f"There is no published detector {model_name!r}.", f"Known: {', '.join(PUBLISHED)}."
        )
    return PUBLISHED[name]


def download_model(model_name: str, model_path: str) -> None:
    """Fetch a published detector into the folder ``model_path``; called by FiftyOne if missing.

    Raises:
        ForensicsError: unknown name, or a file that is not the published one
    """
    folder = Path(model_path)
    folder.mkdir(parents=True, exist_ok=True)
    if model_name == ANY:
        return  # nothing to fetch, because the checkpoint is given on loading
    known = published(model_name)
    if known.path.is_file():
        check_published(known, known.path.parent)
        for file in (*known.files, ORIGIN):
            if (known.path.parent / file).is_file():
                with replacing(folder / file) as temporary:
                    shutil.copyfile(known.path.parent / file, temporary)
    fetch_published(known, folder)


def load_model(
    model_name: str,
    model_path: str,
    checkpoint: str | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> DetectorModel:
    """Return a detector of the zoo as a FiftyOne model.

    Args:
        model_name: ``mediaforensics/detector`` or a published one
        model_path: where FiftyOne stores it
        checkpoint: for ``mediaforensics/detector``: any source of :func:`load_detector`
        device: torch device; None: a GPU if there is one
        precision: ``fp32``, ``bf16`` or ``fp16``

    Raises:
        ForensicsError: no checkpoint is given, or it cannot be loaded
    """
    from ...detector.model.checkpoints import load_detector

    if model_name == ANY and not checkpoint:
        raise ForensicsError(
            f"{ANY} needs a checkpoint.", "Pass checkpoint=PATH or a registered name.", "checkpoint"
        )
    if not checkpoint:
        known = published(model_name)
        check_published(known, Path(model_path))
        checkpoint = str(Path(model_path) / known.file)
    return DetectorModel(load_detector(checkpoint, device=device), precision)

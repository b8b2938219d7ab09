"""Lists the optional packages and the command that installs each of them.

Code that needs such a package asks here: a form when it is filled in, a call before it starts
work. A missing package is then reported in one sentence instead of a late ModuleNotFoundError.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..errors import ForensicsError

_ALL = "fiftyone plugins requirements @mediaforensics/deepfake --install"


@dataclass(frozen=True, slots=True)
class Part:
    """A feature of the plugin that needs packages beyond FiftyOne's own.

    Attributes:
        what: begins the sentence "... needs the package ..."
        packages: (module, requirement as pip takes it) of each package
        extra: the extra of ``media-forensics`` that installs them; "": always declared
    """

    what: str
    packages: tuple[tuple[str, str], ...]
    extra: str = ""

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(module for module, _ in self.packages)


PARQUET, RAY, ONNX, UMAP, TENSORBOARD = "parquet", "ray", "onnx", "umap", "tensorboard"
EXCEL, HEIF, SIGNING, C2PA = "excel", "heif", "signing", "c2pa"
PICTURES, MODELS = "pictures", "models"
PARTS = {
    PARQUET: Part("Parquet", (("pyarrow", "pyarrow>=14"),), "parts"),
    EXCEL: Part("An Excel table", (("openpyxl", "openpyxl>=3.1"),), "excel"),
    HEIF: Part("A HEIC or HEIF picture", (("pillow_heif", "pillow-heif>=0.21"),), "heif"),
    SIGNING: Part("A signature", (("cryptography", "cryptography>=42"),), "signing"),
    C2PA: Part("Reading Content Credentials", (("c2pa", "c2pa-python>=0.30"),), "c2pa"),
    RAY: Part("The runner 'ray'", (("ray", "ray[data]>=2.59"), ("pyarrow", "pyarrow>=14")), "ray"),
    ONNX: Part(
        "ONNX",
        (
            ("onnx", "onnx>=1.16"),
            ("onnxscript", "onnxscript>=0.5"),
            ("onnxruntime", "onnxruntime>=1.18"),
        ),
        "onnx",
    ),
    UMAP: Part("UMAP", (("umap", "umap-learn>=0.5.6"),), "umap"),
    TENSORBOARD: Part(
        "Writing TensorBoard event files", (("tensorboard", "tensorboard>=2.16"),), "tensorboard"
    ),
    PICTURES: Part(
        "Reading videos and pictures",
        (
            ("av", "av"),
            ("cv2", "opencv-python-headless"),
            ("PIL", "pillow"),
            ("psutil", "psutil"),
            ("scipy", "scipy"),
        ),
    ),
    MODELS: Part(
        "Finding and scoring faces",
        (
            ("torch", "torch"),
            ("torchvision", "torchvision"),
            ("open_clip", "open_clip_torch"),
            ("timm", "timm"),
            ("safetensors", "safetensors"),
            ("sklearn", "scikit-learn"),
        ),
    ),
}


def missing(name: str) -> list[tuple[str, str]]:
    """Return (module, requirement) of the packages of part ``name`` that are not installed."""
    return [(module, pip) for module, pip in PARTS[name].packages if not _is_there(module)]


def require(name: str, field: str | None = None) -> None:
    """Return if every package of part ``name`` is installed; imports none of them.

    Args:
        name: a key of :data:`PARTS`
        field: the form field (= keyword argument) that needs it

    Raises:
        ForensicsError: some are missing; the hint is the command that installs them
    """
    lacking = missing(name)
    if not lacking:
        return
    part = PARTS[name]
    if part.extra:
        needed = " ".join(f"'{pip}'" for _, pip in lacking)
        command = f"pip install {needed}"
    else:
        command = _ALL
    *most, last = [pip_name(pip) for _, pip in lacking]
    named = f"{', '.join(most)} and {last}" if most else last
    several = len(lacking) > 1
    raise ForensicsError(
        f"{part.what} needs the package{'s' * several} {named}, which "
        f"{'are' if several else 'is'} not installed.",
        f"Run: {command}",
        field,
    )


def load(name: str, module: str, field: str | None = None) -> Any:
    """Import ``module`` of part ``name`` and return it.

    Raises:
        ForensicsError: it is not installed or cannot be imported
    """
    require(name, field)
    try:
        return import_module(module)
    except ImportError as error:
        wanted = next((p for m, p in PARTS[name].packages if m == module.split(".")[0]), module)
        raise ForensicsError(
            f"{PARTS[name].what} needs {module}, which cannot be imported here ({error}).",
            f"Run: pip install --upgrade --force-reinstall '{wanted}'",
            field,
        ) from error


def pip_name(requirement: str) -> str:
    """Return the package's name in ``requirement``, for example ``ray`` of ``ray[data]>=2.59``."""
    return requirement.split(">")[0].split("[")[0]


def _is_there(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except ImportError:  # an import hook blocks it
        return False

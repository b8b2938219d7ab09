"""Checks that installed packages fit each other, and reports a mismatch in one sentence.

Each torchvision is built for one torch. With another torch its import fails with "operator
torchvision::nms does not exist". The loaders of networks therefore call this module first.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from ..errors import ForensicsError
from . import packages

_CV2 = ("opencv-python-headless", "opencv-python", "opencv-contrib-python")


@lru_cache(maxsize=1)
def require_torch_pair() -> None:
    """Return if torchvision fits the installed torch.

    Raises:
        ForensicsError: one of them is missing, or torchvision was built for another torch
    """
    try:
        torch, vision = version("torch"), version("torchvision")
    except PackageNotFoundError as error:
        raise ForensicsError(
            f"{error.name} is not installed.", "Run: pip install torch torchvision"
        ) from error
    for line in requires("torchvision") or ():
        wanted = Requirement(line)
        if wanted.name == "torch" and not wanted.specifier.contains(torch, prereleases=True):
            raise ForensicsError(
                f"torchvision {vision} needs torch{wanted.specifier}, but torch {torch} is "
                "installed.",
                "Run: pip install --upgrade torch torchvision  (one command for both)",
            )


def require_cv2() -> None:
    """Return if cv2 can be imported.

    Raises:
        ForensicsError: cv2 is missing, lacks a system library (``libGL.so.1`` on a server), or two
            packages have installed a cv2 into the same folder
    """
    packages.require(packages.PICTURES)
    try:
        import_module("cv2").imread  # noqa: B018 - a half-overwritten cv2 imports as an empty package
    except (ImportError, AttributeError) as error:
        found = [name for name in _CV2 if _version(name)]
        two = f" {' and '.join(found)} share its folder." if len(found) > 1 else ""
        raise ForensicsError(
            f"cv2 cannot be imported ({error}).{two}",
            f"Run: pip uninstall --yes {' '.join(found or _CV2[:1])}; "
            "pip install opencv-python-headless",
        ) from error


def require_installed(*names: str) -> None:
    """Return if the parts ``names`` (keys of :data:`packages.PARTS`) are installed and compatible.

    Raises:
        ForensicsError: a package is missing, or two do not fit each other
    """
    for name in names:
        packages.require(name)
    if packages.MODELS in names:
        require_torch_pair()
    if packages.PICTURES in names:
        require_cv2()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

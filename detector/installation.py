"""Says in one sentence what is wrong with packages that do not fit each other.

torchvision is built for one torch. Another one beside it fails on import, deep inside, with
"operator torchvision::nms does not exist"; the loaders of networks ask here first.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from .errors import ForensicsError


@lru_cache(maxsize=1)
def require_torch_pair() -> None:
    """Return when torchvision fits the installed torch.

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

"""Reads tensors from untrusted files without running pickled code.

``safetensors`` holds only numbers. ``torch.load(weights_only=True)`` rebuilds only tensors and
plain containers. A file that needs anything else is refused with the name of what it needs; there
is no switch to load it anyway.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import ForensicsError
from .kept_digests import note_read

_NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
# numpy's own function for unpickling a number; its module differs between numpy 1 and 2
scalar: Any = np.float64(0).__reduce__()[0]


class _Settings(dict):
    """Replaces a class that holds settings; runs no code of that class."""

    def __init__(self, *_args: Any, **_named: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, Mapping):
            self.update(state)


class _Path(str):
    """Replaces a path class; the arguments are the parts of the path."""

    def __new__(cls, *parts: Any) -> _Path:
        return super().__new__(cls, "/".join(map(str, parts)))


def _empty(*_arguments: Any) -> OrderedDict[Any, Any]:
    """Replaces ``defaultdict``, whose entries are filled in afterwards."""
    return OrderedDict()


_OMEGACONF = (
    *("dictconfig.DictConfig", "listconfig.ListConfig", "base.ContainerMetadata", "base.Metadata"),
    *(f"nodes.{name}Node" for name in ("Any", "String", "Integer", "Float", "Boolean", "Path")),
)
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
# Objects that training programs store beside the tensors. Each name is mapped to a class of ours,
# so that loading runs none of their code.
_HARMLESS = (
    (_Settings, "argparse.Namespace"),
    (OrderedDict, "lightning.fabric.utilities.data.AttributeDict"),
    (OrderedDict, "lightning_fabric.utilities.data.AttributeDict"),
    (OrderedDict, "pytorch_lightning.utilities.parsing.AttributeDict"),
    (OrderedDict, "lightning.pytorch.utilities.parsing.AttributeDict"),
    *((_Settings, f"omegaconf.{name}") for name in _OMEGACONF),
    (_empty, "collections.defaultdict"),
    (_Settings, "typing.Any"),
    *((kind, f"builtins.{kind.__name__}") for kind in (bool, dict, float, int, list, str)),
    *((_Path, f"pathlib.{kind}") for kind in _PATHS),
    *((_Path, f"pathlib._local.{kind}") for kind in _PATHS),  # as Python 3.13 names them
    (np.dtype, "numpy.dtype"),
    (scalar, "numpy.core.multiarray.scalar"),
    (scalar, "numpy._core.multiarray.scalar"),
    *((type(np.dtype(name)), f"numpy.dtypes.{type(np.dtype(name)).__name__}") for name in _NUMBERS),
)


# Names of the tensors' table in a checkpoint, the most certain first.
_TABLES = ("state_dict", "model_state_dict", "model", "net", "network", "module")


def read_tensors(path: str | Path, field: str = "detector") -> dict[str, torch.Tensor]:
    """Return all tensors of a checkpoint file, see :func:`read_checkpoint`."""
    return read_checkpoint(path, field)[0]


def read_checkpoint(
    path: str | Path, field: str = "detector"
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors (on the CPU) and settings of a safetensors file or torch checkpoint.

    A torch checkpoint may hold the tensors at the top level or under one of :data:`_TABLES`.

    Args:
        path: the file
        field: the form field to name in an error

    Returns:
        tensors by name, and the ``hyper_parameters`` of a Lightning checkpoint (else empty)

    Raises:
        ForensicsError: missing, empty, truncated, without tensors, or with pickled objects
    """
    path = Path(path)
    if not path.is_file():
        raise ForensicsError(f"There is no checkpoint file {path}.", "Check the path.", field)
    if path.stat().st_size == 0:
        raise ForensicsError(f"{path} is empty.", "Copy or download it again.", field)
    note_read(path)
    _refuse_stand_in(path, field)
    if path.suffix == ".safetensors":
        return _read_safetensors(path, field), {}
    content = _read_torch(path, field)
    settings: Any = {}
    if isinstance(content, Mapping):
        table = next((name for name in _TABLES if isinstance(content.get(name), Mapping)), None)
        if table is not None:
            settings = _plain(content.get("hyper_parameters", {}))
            content = content[table]
    if not isinstance(content, Mapping):
        raise ForensicsError(
            f"{path} holds a {type(content).__name__}, not a table of named tensors.",
            "Save the model's state_dict.",
            field,
        )
    tensors = {str(key): value for key, value in content.items() if torch.is_tensor(value)}
    if not tensors:
        raise ForensicsError(f"{path} holds no tensors.", "Is it a checkpoint?", field)
    return tensors, dict(settings) if isinstance(settings, Mapping) else {}


def _plain(value: Any) -> Any:
    """Return settings without the wrappers of OmegaConf: containers and nodes."""
    if isinstance(value, _Settings) and "_content" in value:
        return _plain(value["_content"])
    if isinstance(value, _Settings) and "_val" in value:
        return value["_val"]
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _refuse_stand_in(path: Path, field: str) -> None:
    """Refuse files often found in place of weights: a pointer, a web page, half a download.

    Raises:
        ForensicsError: the file is one of them
    """
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.startswith(b"version https://git-lfs"):
        size = re.search(rb"\nsize (\d+)", head)
        meant = f" for {int(size[1]):,} bytes" if size else ""
        raise ForensicsError(
            f"{path} is a Git LFS pointer{meant}, not the file itself.", "Run: git lfs pull", field
        )
    if re.match(rb"\s*(<!doctype|<html|<\?xml)", head, re.IGNORECASE):
        raise ForensicsError(
            f"{path} is a web page, not a file of weights.",
            "The address asks for a login or a click; download it in a browser.",
            field,
        )
    if re.match(rb"\s*\{", head) and path.suffix != ".safetensors":
        raise ForensicsError(
            f"{path} is a text file (JSON), not a file of weights.",
            "It may be a server's error message; download it again.",
            field,
        )
    if path.suffix == ".safetensors" and len(head) >= 8:
        declared = _safetensors_size(path, int.from_bytes(head[:8], "little"))
        found = path.stat().st_size
        if declared is not None and found < declared:
            raise ForensicsError(
                f"{path} is cut off: {found:,} of {declared:,} bytes are there.",
                "Download or copy it again.",
                field,
            )


def _safetensors_size(path: Path, header: int) -> int | None:
    """Return the file size in bytes that a safetensors header declares; None if unreadable."""
    if header > 100_000_000 or header + 8 > path.stat().st_size:
        return header + 8 if header <= 100_000_000 else None
    with path.open("rb") as stream:
        stream.seek(8)
        try:
            table = json.loads(stream.read(header))
            ends = [entry["data_offsets"][1] for k, entry in table.items() if k != "__metadata__"]
            return 8 + header + max(ends, default=0)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            return None


def _read_safetensors(path: Path, field: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError) as error:
        raise ForensicsError(
            f"{path} is not a readable safetensors file ({error}).",
            "It may be truncated: compare its size and sha256 with the source's.",
            field,
        ) from error
    if not tensors:
        raise ForensicsError(f"{path} holds no tensors.", "Is it a checkpoint?", field)
    return tensors


def _read_torch(path: Path, field: str) -> Any:
    """Return a torch file's content: only tensors, plain containers and :data:`_HARMLESS`."""
    try:
        with torch.serialization.safe_globals(list(_HARMLESS)):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except Exception as error:  # torch raises pickle, zip, key, runtime and value errors here
        text = str(error)
        blamed = re.search(r"GLOBAL ([\w.]+)", text)
        if blamed or "TorchScript" in text:
            what = f"pickled objects ({blamed[1]})" if blamed else "a TorchScript program"
            raise ForensicsError(
                f"{path} holds {what}, which could run code; it was not opened.",
                "Ask for a safetensors file, or save only the state_dict in a place you trust.",
                field,
            ) from error
        cause = re.split(r"[\n.]|Weights only load failed", text)[0][:200]
        raise ForensicsError(
            f"{path} is not a readable checkpoint ({type(error).__name__}{': ' * bool(cause)}"
            f"{cause}).",
            "It is truncated, or not a file of tensors: compare its size and sha256 with the "
            "source's.",
            field,
        ) from error


def _is_zip(path: Path) -> bool:
    """Return whether the file has torch's zip layout, the only one that can be memory-mapped."""
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


def check_fit(
    wanted: Mapping[str, torch.Tensor],
    tensors: Mapping[str, torch.Tensor],
    what: str,
    field: str = "detector",
) -> None:
    """Check that names, shapes and values of ``tensors`` fit a network.

    Args:
        wanted: the network's tensors (their values are ignored)
        tensors: the file's tensors
        what: name of the file or model, for the message

    Raises:
        ForensicsError: lists missing, unexpected or wrongly shaped tensors, or those with values
            that are not finite
    """
    both = sorted(set(wanted) & set(tensors))
    problems = {
        "missing": sorted(set(wanted) - set(tensors)),
        "unexpected": sorted(set(tensors) - set(wanted)),
        "wrong shape": [
            f"{name} {tuple(tensors[name].shape)} instead of {tuple(wanted[name].shape)}"
            for name in both
            if tensors[name].shape != wanted[name].shape
        ],
    }
    found = [f"{label}: {_some(names)}" for label, names in problems.items() if names]
    if found:
        raise ForensicsError(
            f"{what} does not fit the network ({'; '.join(found)}).",
            "It was made for another architecture, or it is incomplete.",
            field,
        )
    broken = [name for name in both if not torch.isfinite(tensors[name]).all()]
    if broken:
        raise ForensicsError(
            f"{what} holds NaN or infinite values ({_some(broken)}).",
            "The training diverged or the file is damaged; use another checkpoint.",
            field,
        )


def load_exact(
    module: torch.nn.Module,
    tensors: Mapping[str, torch.Tensor],
    what: str,
    field: str = "detector",
) -> None:
    """Fill ``module`` (which may live on the meta device) after :func:`check_fit`.

    Floating-point values become float32. Tensors of the right type are used without a copy.
    """
    wanted = module.state_dict()
    check_fit(wanted, tensors, what, field)
    state = {
        name: tensors[name].to(torch.float32) if tensor.is_floating_point() else tensors[name]
        for name, tensor in wanted.items()
    }
    module.load_state_dict(state, strict=True, assign=True)


def _some(names: list[str], most: int = 4) -> str:
    """Return the first names, joined, and the number of the others."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")

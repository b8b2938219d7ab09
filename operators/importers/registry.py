"""Lists the importers and finds the one that fits a folder.

A new dataset needs one new file in ``formats/`` and one line in ``_MODULES``.
"""

from __future__ import annotations

import difflib
import importlib
import re
import time
from functools import lru_cache
from pathlib import Path

from ...detector.errors import ForensicsError
from .contract import Evidence, Importer
from .lists import read_json
from .suffixes import is_image, is_video, join
from .tree import GLANCE, Tree

_MODULES = (
    "faceforensics",
    "deepfakedetection",
    "celeb_df",
    "celeb_df_pp",
    "dfdc",
    "dfdc_preview",
    "ffiw",
    "deepspeak",
    "uadfv",
    "wilddeepfake",
    "fakeavceleb",
    "deeperforensics",
    "kodf",
    "dfdm",
    "polyglotfake",
    "idforge",
    "df40",
    "forgerynet",
    "lavdf",
    "avdeepfake1m",
    "deepfakebench",
    "frame_folders",
    "manifest",
    "folder_tree",
)
_DIGITS = re.compile(r"\d+")
SEARCH_SECONDS = 3.0  # time limit of the search for the right root above or below the given one


@lru_cache(maxsize=1)
def importers() -> tuple[Importer, ...]:
    """Return every importer, in the order of the list above."""
    found: list[Importer] = []
    for name in _MODULES:
        found.extend(importlib.import_module(f".formats.{name}", __package__).IMPORTERS)
    return tuple(found)


def importer_named(name: str) -> Importer:
    """Return the importer called ``name``, or with that alias; case and ``-_ .`` are ignored.

    Raises:
        ForensicsError: no such format; the hint names the nearest one
    """
    by_key: dict[str, Importer] = {}
    for importer in importers():
        for spelling in (importer.name, importer.title, *importer.aliases):
            by_key.setdefault(_key(spelling), importer)
    if _key(name) in by_key:
        return by_key[_key(name)]
    near = difflib.get_close_matches(_key(name), list(by_key), n=1)
    raise ForensicsError(
        f"There is no format {name!r}.",
        (f"Did you mean {by_key[near[0]].name!r}? " if near else "")
        + f"Known: auto, {', '.join(importer.name for importer in importers())}.",
        "format",
    )


def _key(name: str) -> str:
    return "".join(c for c in name.lower() if c not in "-_ .")


def evidence_for(tree: Tree) -> list[Evidence]:
    """Return every importer's evidence for this tree; weak evidence only if there is no other."""
    found = [e for e in (importer.recognise(tree) for importer in importers()) if e]
    strong = [evidence for evidence in found if not evidence.weak]
    return strong or found


def recognise(tree: Tree, format: str = "auto") -> tuple[Importer, Evidence]:
    """Return the importer for a root, and the evidence.

    Args:
        tree: the root
        format: ``auto``, or the name of an importer (then its signature must be present)

    Raises:
        ForensicsError: no dataset or several are recognised, the root is a level too high or too
            low, it is empty, or the list that a named format looks for is malformed
    """
    if not tree.folders() and not tree.files():
        raise ForensicsError(
            f"The folder {str(tree.root)!r} is empty.", "Choose the dataset's root folder.", "root"
        )
    if format == "auto":
        found = evidence_for(tree)
        if len(found) == 1:
            return importer_named(found[0].format), found[0]
        if found:
            raise _ambiguous(tree, found)
        raise _unrecognised(tree, None)
    importer = importer_named(format)
    if importer.name == "tree":
        return importer, Evidence("tree", ("the pattern says so",))
    evidence = importer.recognise(tree)
    if evidence is None:
        _read_lists(tree)
        raise _unrecognised(tree, importer)
    return importer, evidence


def _read_lists(tree: Tree) -> None:
    """Parse the root's JSON lists, so that a list too damaged to recognise raises its error."""
    for name in tree.files():
        if name.lower().endswith(".json"):
            read_json(tree, name)


def _ambiguous(tree: Tree, found: list[Evidence]) -> ForensicsError:
    names = " and ".join(evidence.format for evidence in found)
    why = " ".join(f"{e.format}: {'; '.join(e.reasons)}." for e in found)
    return ForensicsError(
        f"The folder {str(tree.root)!r} looks like {names}. {why}",
        "Choose the format yourself, or a folder that holds one dataset.",
        "format",
    )


def _unrecognised(tree: Tree, wanted: Importer | None) -> ForensicsError:
    """Return the error for an unknown root, after a search one or two levels down, three up."""
    what = wanted.title if wanted else "a known dataset"
    message = f"The folder {str(tree.root)!r} is not the root of {what}."
    until = time.monotonic() + SEARCH_SECONDS
    for folder in _below(tree):
        if time.monotonic() > until:
            break
        title = _title_of(folder, wanted)
        if title:
            return ForensicsError(
                message,
                f"It is a level too high: {title} begins at {str(folder)!r}.",
                "root",
            )
    if wanted is None:
        _read_lists(tree)
    for folder in list(tree.root.parents)[:3]:
        if time.monotonic() > until + SEARCH_SECONDS:
            break
        title = _title_of(folder, wanted)
        if title and _is_part(tree.root, folder, title, wanted):
            return ForensicsError(
                message,
                f"It is a level too low: {title} begins at {str(folder)!r}.",
                "root",
            )
    if wanted:
        return ForensicsError(message, f"Expected there:\n{wanted.expects}", "root")
    return ForensicsError(
        message,
        "Choose the folder that holds the dataset's own top folders and lists "
        "(docs/datasets.md shows each tree), or name the format to see what it expects. For "
        "material of your own: " + _of_your_own(tree),
        "root",
    )


def _of_your_own(tree: Tree) -> str:
    """Say how to import a folder that is no known dataset, by the first file in it."""
    for folder, names in tree.walk(limit=GLANCE):
        for name in names:
            if is_video(name) or is_image(name):
                return (
                    "the format 'tree' with a pattern for paths like "
                    f"{join(folder, name)!r}, or the format 'manifest' with a manifest.csv there "
                    "(columns path and label)."
                )
    return "the format 'tree' with a pattern of the paths, or 'manifest' with a manifest.csv there."


def _is_part(root: Path, folder: Path, title: str, wanted: Importer | None) -> bool:
    """Return whether the dataset at ``folder`` includes ``root``, and is not only above it.

    It does if it is no dataset without ``root``, if its tree names the folder, or if ``root`` is
    named like a folder beside it, as the numbered parts of one download are.
    """
    below = root.relative_to(folder)
    if _title_of(folder, wanted, below.as_posix()) != title:
        return True
    part = folder / below.parts[0]
    named = " ".join(importer.expects for importer in importers() if importer.title in title)
    if re.search(rf"\b{re.escape(part.name)}\b", named):
        return True
    alike = _DIGITS.sub("#", part.name)
    if part != root or alike == part.name:
        return False
    beside = [other for other in Tree(folder).folders() if other != part.name]
    return alike in {_DIGITS.sub("#", other) for other in beside}


def _below(tree: Tree) -> list[Path]:
    names = [name for name in tree.folders() if not name.startswith(".")][:50]
    folders = [tree.root / name for name in names]
    for name in names:
        folders.extend(tree.root / name / inner for inner in tree.folders(name)[:20])
    return folders


def _title_of(folder: Path, wanted: Importer | None, without: str = "") -> str | None:
    """Return the title of the dataset whose root is ``folder`` by strong evidence, else None.

    A folder that looks like three or more datasets is a download folder, not a root.
    """
    if folder == folder.parent or folder == Path.home():
        return None
    try:
        tree = Tree(folder, without=without)
    except ForensicsError:
        return None
    if wanted:
        return wanted.title if wanted.recognise(tree) else None
    found = [evidence for evidence in evidence_for(tree) if not evidence.weak]
    titles = [importer_named(evidence.format).title for evidence in found]
    return " or ".join(titles) if len(titles) in (1, 2) else None

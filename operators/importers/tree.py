"""Gives importers a read-only view of the root folder that the user chose.

Importers read all folder listings through :class:`Tree`. Listings are cached, sorted and relative
to the root; companion files (``._NAME``, ``Thumbs.db``) are left out, and names are in Unicode's
composed form. The tree opens no file and refuses links that leave the root or run in circles.
Importers claim each path that a record or a list explains, so that the report can show the
unexplained files.
"""

# ruff: noqa: PTH110, PTH112, PTH114, PTH118, PTH122
# Paths are plain strings here: a Path per file is slow at 100,000 files.
from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...detector.errors import ForensicsError
from ...detector.files.allowed_roots import is_allowed
from ...detector.files.companions import is_companion, is_hidden
from ...detector.files.paths import given
from .suffixes import SIDE_SUFFIXES, is_image, is_video, join, suffix_of

GLANCE = 2000  # most folders that recognising a root may look at


@dataclass(slots=True)
class _Listing:
    """One folder: its subfolders, its files with sizes in bytes, and its path without links."""

    folders: list[str]
    files: dict[str, int]
    real: str


@dataclass(slots=True)
class TreeProblems:
    """The entries that the walk met and did not follow.

    Attributes:
        outside: links whose target is outside the root
        loops: links to a folder that holds them
        broken: links to nothing, and entries that cannot be read
        undecodable: names that are not UTF-8, shown with their bytes escaped
        hidden: folders and media whose name begins with a dot (bins, old versions)
    """

    outside: set[str] = field(default_factory=set)
    loops: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    undecodable: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)


class Tree:
    """The folder ``root``, as relative POSIX paths.

    Args:
        root: an existing folder
        follow_links: also follow links that leave the root (a user may keep the compressions on
            other disks); off by default
        without: relative path of a folder that is treated as absent

    Raises:
        ForensicsError: ``root`` is empty, missing, not a folder, not readable, not allowed or not
            UTF-8
    """

    def __init__(
        self, root: str | os.PathLike[str], follow_links: bool = False, without: str = ""
    ) -> None:
        text = os.fspath(root)
        if not text.strip():
            raise ForensicsError("No folder is given.", "Choose the dataset's root folder.", "root")
        path = given(text, "root")
        if not path.exists():  # a space that was copied with the path, and is no part of it
            path = given(text := text.strip(), "root")
        if not path.exists():
            raise ForensicsError(
                f"The folder {text!r} does not exist.", "Choose the dataset's root folder.", "root"
            )
        if not path.is_dir():
            raise ForensicsError(
                f"{text!r} is a file, not a folder.",
                "Choose the folder that holds the dataset.",
                "root",
            )
        self.root = path  # as given; links in it are kept
        try:
            str(self.root).encode()
        except UnicodeEncodeError:
            raise ForensicsError(
                f"The path of the folder is not UTF-8: {os.fsencode(self.root)!r}.",
                "Rename the folder, or make a link to it: FiftyOne cannot store such a path.",
                "root",
            ) from None
        self.follow_links, self._without = follow_links, without
        self.problems = TreeProblems()
        self.claimed: set[str] = set()
        self.claimed_folders: set[str] = set()
        self._prefix = str(self.root).rstrip(os.sep) + os.sep
        self._real_prefix = os.path.realpath(path).rstrip(os.sep) + os.sep
        self._cache: dict[str, _Listing | None] = {}
        self._on_disk: dict[str, str] = {}  # composed path -> name of its last part on the disk
        if self._listing("") is None:
            raise ForensicsError(
                f"The folder {text!r} cannot be read.", "Check its permissions.", "root"
            )

    def absolute(self, rel: str) -> str:
        """Return the absolute path of a relative one, in the spelling of the disk."""
        if self._on_disk and not rel.isascii():
            parts = rel.split("/")
            wholes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
            on_disk = self._on_disk
            rel = "/".join(on_disk.get(w, p) for w, p in zip(wholes, parts, strict=True))
        return self._prefix + rel if rel else str(self.root)

    def relative(self, path: str) -> str:
        """Return the relative POSIX path of an absolute one that this tree returned."""
        rel = path[len(self._prefix) :]
        if self._on_disk and not rel.isascii():
            composed = unicodedata.normalize("NFC", rel)
            return composed if self.absolute(composed) == path else rel
        return rel

    def folders(self, rel: str = "") -> list[str]:
        """Return the names of the folders in ``rel``, sorted; empty if ``rel`` is no folder."""
        listing = self._listing(rel)
        return listing.folders if listing else []

    def files(self, rel: str = "") -> list[str]:
        """Return the names of the files in ``rel``, sorted; empty if ``rel`` is no folder."""
        listing = self._listing(rel)
        return list(listing.files) if listing else []

    def videos(self, rel: str = "") -> list[str]:
        """Return the names of the video files in ``rel``, sorted."""
        return [name for name in self.files(rel) if is_video(name)]

    def images(self, rel: str = "") -> list[str]:
        """Return the names of the image files in ``rel``, sorted."""
        return [name for name in self.files(rel) if is_image(name)]

    def is_folder(self, rel: str) -> bool:
        """Return whether ``rel`` is a folder that may be entered."""
        return self._listing(rel) is not None

    def is_file(self, rel: str) -> bool:
        """Return whether ``rel`` is a file, in the exact spelling."""
        folder, _, name = rel.rpartition("/")
        listing = self._listing(folder)
        return listing is not None and name in listing.files

    def size(self, rel: str) -> int:
        """Return the size of the file ``rel`` in bytes (0 if it is absent)."""
        folder, _, name = rel.rpartition("/")
        listing = self._listing(folder)
        return listing.files.get(name, 0) if listing else 0

    def find(self, rel: str) -> str | None:
        """Return the file ``rel``, or the one whose suffix differs only in case, or None."""
        if self.is_file(rel):
            return rel
        folder, _, name = rel.rpartition("/")
        stem, suffix = os.path.splitext(name)
        for other in (suffix.lower(), suffix.upper(), suffix.capitalize()):
            candidate = join(folder, stem + other)
            if self.is_file(candidate):
                return candidate
        return None

    def folder(self, rel: str) -> str | None:
        """Return the folder ``rel``, or the one whose name differs only in case, or None."""
        if self.is_folder(rel):
            return rel
        parent, _, name = rel.rpartition("/")
        for other in self.folders(parent):
            if other.lower() == name.lower():
                return join(parent, other)
        return None

    def walk(self, rel: str = "", limit: int = 0) -> Iterator[tuple[str, list[str]]]:
        """Yield (folder, its file names), depth first in sorted order, ``rel`` included.

        Args:
            rel: where to begin
            limit: look at this many folders at most; 0 for all. Recognition uses it to end soon
                even if the user points at a whole disk
        """
        stack = [rel]
        seen = 0
        while stack and (not limit or seen < limit):
            seen += 1
            folder = stack.pop()
            listing = self._listing(folder)
            if listing is None:
                continue
            yield folder, list(listing.files)
            stack.extend(join(folder, name) for name in reversed(listing.folders))

    def all_videos(self, rel: str = "") -> Iterator[str]:
        """Yield the relative path of every video file below ``rel``, in sorted order of folders."""
        for folder, names in self.walk(rel):
            for name in names:
                if is_video(name):
                    yield join(folder, name)

    def claim(self, *rels: str) -> None:
        """Mark these files as explained."""
        self.claimed.update(rels)

    def claim_folder(self, rel: str) -> None:
        """Mark everything below ``rel`` as explained."""
        self.claimed_folders.add(rel)

    def unexplained(self) -> list[str]:
        """Return the unclaimed files, without the kinds that datasets ship beside their media."""
        found: list[str] = []
        stack = [""]
        while stack:
            folder = stack.pop()
            if folder in self.claimed_folders:
                continue
            listing = self._listing(folder)
            if listing is None:
                continue
            for name in listing.files:
                rel = join(folder, name)
                if rel in self.claimed:
                    continue
                if suffix_of(name) not in SIDE_SUFFIXES:
                    found.append(rel)
            stack.extend(join(folder, name) for name in listing.folders)
        return sorted(found)

    def _listing(self, rel: str) -> _Listing | None:
        if rel not in self._cache:
            self._cache[rel] = self._scan(rel)
        return self._cache[rel]

    def _scan(self, rel: str) -> _Listing | None:
        if rel:
            parent, _, name = rel.rpartition("/")
            above = self._listing(parent)
            if above is None or name not in above.folders:
                return None
            real = os.path.join(above.real, self._on_disk.get(rel, name))
            if os.path.islink(real):
                real = os.path.realpath(real)
        else:
            real = os.path.realpath(self.root)
        folders: list[str] = []
        files: dict[str, int] = {}
        try:
            with os.scandir(self.absolute(rel)) as entries:
                for entry in entries:
                    self._sort_entry(entry, rel, real, folders, files)
        except OSError:
            self.problems.broken.add(rel)
            return None
        return _Listing(sorted(folders), dict(sorted(files.items())), real)

    def _sort_entry(
        self,
        entry: os.DirEntry[str],
        rel: str,
        real: str,
        folders: list[str],
        files: dict[str, int],
    ) -> None:
        """Add one entry of a folder to its folders, its files or the problems."""
        if is_companion(entry.name):
            return
        path = join(rel, entry.name)
        if self._without and path == self._without:
            return
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            self.problems.undecodable.add(shown)
            return
        try:
            if is_hidden(entry.name):
                if is_video(entry.name) or is_image(entry.name) or entry.is_dir():
                    self.problems.hidden.add(path)
                return
            if entry.is_symlink() and not self._may_follow(entry.path, path, real):
                return
            name = self._shown(entry.name, rel, taken=(folders, files))
            if entry.is_dir():
                folders.append(name)
            elif entry.is_file():
                files[name] = entry.stat().st_size
        except OSError:
            self.problems.broken.add(path)

    def _shown(self, name: str, rel: str, taken: tuple[list[str], dict[str, int]]) -> str:
        """Return the name in Unicode's composed form (NFC); macOS writes the decomposed one."""
        composed = unicodedata.normalize("NFC", name)
        if composed == name or any(composed in names for names in taken):
            return name
        self._on_disk[join(rel, composed)] = name
        return composed

    def _may_follow(self, link: str, path: str, folder_real: str) -> bool:
        target = os.path.realpath(link)
        if not os.path.exists(target):
            self.problems.broken.add(path)
            return False
        inside = (target + os.sep).startswith(self._real_prefix)
        if not inside and not (self.follow_links and is_allowed(target)):
            self.problems.outside.add(path)
            return False
        if os.path.isdir(target) and (folder_real + os.sep).startswith(
            target.rstrip(os.sep) + os.sep
        ):
            self.problems.loops.add(path)
            return False
        return True

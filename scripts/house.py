"""Measures the tree: modules per folder, circles, upward imports, lines of code.

    python scripts/house.py                    # this checkout
    python scripts/house.py --root ../older    # another checkout, for a comparison
    python scripts/house.py --places           # the files for each of nine additions

A room is a folder of ``detector/`` or ``operators/``. :data:`FLOORS` says which rooms a room may
import: those of lower floors. tests/test_layers.py enforces this with the functions of this file.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "media_forensics"
LAYERS = ("detector", "training", "operators")  # each imports only the ones before it

#: Rooms of a layer from the lowest floor up; rooms of one floor do not import each other.
FLOORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "detector": (
        ("errors", "progress"),
        ("records", "device"),
        ("files", "text"),
        ("weights", "metrics", "frames"),
        ("model", "faces", "audit", "file_facts"),
        ("embeddings", "crops"),
        ("scoring", "queues"),
        ("runners",),
        ("extract_command", "analyze_command", "weights_command", "seal_command"),
        ("score_command",),
    ),
    "training": (),
    "operators": (
        ("operator_list",),
        ("dataset", "importers"),
        ("thresholds",),
        ("app",),
        ("jobs",),
        ("faces", "embeddings", "importing", "demo", "cases"),
        ("training",),
        ("review", "scoring"),
        ("evaluation",),
        ("report", "panels", "inspection"),
        ("python_api",),
        ("console",),
    ),
}
#: File names that occur more than once on purpose -> why the room tells them apart.
SAME_NAME = {
    "catalogue": "one command's path, `operators.importers.catalogue`, is documented",
    "contact_sheet": "the picture, and the operator that shows it",
    "figures": "each panel and the report draw their own",
    "manifest": "a layout of a dataset, and the list that a training freezes",
    "payload": "what a panel sends to its component",
    "tables": "each screen lays out its own",
    "video_list": "the file, and the command that writes it from a dataset",
}
#: Empty modules at an old address; no module of the tree imports them.
DOORS = (
    "detector.align",
    "detector.aggregate",
    "detector.checkpoints",
    "detector.offline_assets",
    "detector.weights.__main__",
    "operators.run_protocol",
    "operators.video_list",
)
#: Addition -> files to change, in order; ``NEW.py`` is the new file. Its test and the page that
#: lists it come in addition (docs/architecture.md, "Where to add").
PLACES: dict[str, tuple[str, ...]] = {
    "a dataset's layout": (
        "operators/importers/formats/NEW.py",
        "operators/importers/registry.py",
    ),
    "a face detector": (
        "detector/faces/NEW.py",
        "detector/faces/detectors.py",
        "detector/weights/known.py",
    ),
    "a backbone": (
        "detector/model/NEW.py",
        "detector/model/towers.py",
        "detector/model/known_towers.py",
    ),
    "a loss": (
        "training/losses/NEW.py",
        "training/losses/__init__.py",
        "training/config.py",
    ),
    "a metric": (
        "detector/metrics/NEW.py",
        "detector/metrics/evaluation.py",
        "operators/evaluation/evaluation_tables.py",
    ),
    "a review queue": ("detector/queues/NEW.py", "detector/queues/catalogue.py"),
    "a field of faces": (
        "detector/faces/quality.py",
        "detector/faces/video_faces.py",
    ),
    "a tab of the audit": (
        "detector/audit/NEW.py",
        "operators/panels/audit/tabs.py",
        "src/sent/audit.ts",
        "src/audit/NEW.tsx",
        "src/audit/table.tsx",
    ),
    "a runner": (
        "detector/runners/NEW.py",
        "operators/jobs/runners.py",
        "operators/faces/extract_faces.py",
        "operators/scoring/score_runners.py",
    ),
}


@dataclass(frozen=True, slots=True)
class Arrow:
    """The target of one import statement.

    Attributes:
        source, target: dotted modules below the root
        line: line number in the source
    """

    source: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line} -> {self.target}"


def modules(root: Path) -> dict[str, Path]:
    """Return every module of the three layers by its dotted name below ``root``."""
    found = {}
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield every import statement, including those in functions and for type checkers only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def targets(node: ast.Import | ast.ImportFrom, name: str, path: Path, known: set[str]) -> set[str]:
    """Return the modules of this tree that a statement of module ``name`` imports."""
    if isinstance(node, ast.Import):
        ours = [a.name for a in node.names if a.name.split(".")[0] == PACKAGE]
        return {dotted.partition(".")[2] for dotted in ours}
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    if node.level:
        base = package[: len(package) - node.level + 1]
        base += node.module.split(".") if node.module else []
    elif node.module and node.module.split(".")[0] == PACKAGE:
        base = node.module.split(".")[1:]
    else:
        return set()
    inner = {alias.name: ".".join([*base, alias.name]) for alias in node.names}
    return {full if full in known else ".".join(base) for full in inner.values()}


def arrows(root: Path) -> list[Arrow]:
    """Return the imports between modules of the tree, in order."""
    found = modules(root)
    known = set(found)
    return [
        Arrow(name, target, node.lineno)
        for name, path in found.items()
        for node in imports(ast.parse(path.read_text(encoding="utf-8")))
        for target in sorted(targets(node, name, path, known))
        if target != name
    ]


def room(module: str) -> str:
    """Return the room of a module: its folder, or the module itself if it is in no folder."""
    if module.split(".")[0] == "training":
        return "training"  # the whole layer is one room
    return module.split(".")[1] if "." in module else ""


def floor(module: str) -> int | None:
    """Return the floor of a module's room, 0 the lowest, or None if it has none."""
    layer, name = module.split(".")[0], room(module)
    if module in DOORS:
        return len(FLOORS[layer])
    if layer == "training":
        return 0  # the whole layer is one room
    if not name:
        return len(FLOORS[layer])  # the layer's own ``__init__``: no module below imports it
    return next((i for i, rooms in enumerate(FLOORS[layer]) if name in rooms), None)


def fault(arrow: Arrow) -> str | None:
    """Return why an import is not allowed, in words, or None if it is allowed."""
    layers = [LAYERS.index(m.split(".")[0]) for m in (arrow.source, arrow.target)]
    if layers[0] != layers[1]:
        return "imports a layer above" if layers[0] < layers[1] else None
    if arrow.target in DOORS:
        return "imports a door; import the module behind it"
    if room(arrow.source) == room(arrow.target):
        inner = [".".join(m.split(".")[:3]) for m in (arrow.source, arrow.target)]
        panels = [name for name in inner if name.count(".") == 2 and name.startswith(PANELS)]
        apart = len(panels) == 2 and panels[0] != panels[1]
        return "imports another panel" if apart and PANEL_ROOMS.issuperset(panels) else None
    source, target = floor(arrow.source), floor(arrow.target)
    if source is None or target is None:
        lies_flat = arrow.source if source is None else arrow.target
        return f"{lies_flat} lies in no room"
    return None if target < source else "imports a room that is not below its own"


PANELS = "operators.panels."
_ROOMS = ("audit", "player", "review", "runs", "sphere", "timeline")
PANEL_ROOMS = {f"{PANELS}{name}" for name in _ROOMS}


def faults(root: Path) -> list[str]:
    """Return every import that is not allowed, with the reason."""
    return [f"{arrow} {why}" for arrow in arrows(root) if (why := fault(arrow))]


def circles(root: Path) -> list[list[str]]:
    """Return the groups of modules that import each other, including imports in functions."""
    graph: dict[str, set[str]] = {}
    for arrow in arrows(root):
        graph.setdefault(arrow.source, set()).add(arrow.target)
    order: list[str] = []
    seen: set[str] = set()

    def visit(start: str, edges: dict[str, set[str]], out: list[str]) -> None:
        stack = [(start, iter(sorted(edges.get(start, ()))))]
        seen.add(start)
        while stack:
            name, rest = stack[-1]
            following = next((n for n in rest if n not in seen), None)
            if following is None:
                stack.pop()
                out.append(name)
            else:
                seen.add(following)
                stack.append((following, iter(sorted(edges.get(following, ())))))

    for name in sorted(graph):
        if name not in seen:
            visit(name, graph, order)
    backwards: dict[str, set[str]] = {}
    for source, goals in graph.items():
        for goal in goals:
            backwards.setdefault(goal, set()).add(source)
    seen.clear()
    found = []
    for name in reversed(order):
        if name not in seen:
            group: list[str] = []
            visit(name, backwards, group)
            if len(group) > 1:
                found.append(sorted(group))
    return sorted(found)


def folders(root: Path) -> Counter[str]:
    """Return the number of modules in each folder, without ``__init__.py``."""
    paths = [p for p in modules(root).values() if p.name != "__init__.py"]
    return Counter(str(path.parent.relative_to(root)) for path in paths)


def same_names(root: Path) -> dict[str, list[str]]:
    """Return the modules of each file name that occurs more than once, without doors."""
    by_name: dict[str, list[str]] = {}
    for module, path in modules(root).items():
        if path.name != "__init__.py" and module not in DOORS:
            by_name.setdefault(path.stem, []).append(module)
    return {name: found for name, found in sorted(by_name.items()) if len(found) > 1}


def into_panels(root: Path) -> list[Arrow]:
    """Return the imports of panels by modules that are not panels."""
    return [
        arrow
        for arrow in arrows(root)
        if arrow.target.startswith(PANELS) and not arrow.source.startswith(PANELS)
    ]


def lines(root: Path) -> int:
    """Return the number of lines of the three layers, with blank lines and comments."""
    return sum(path.read_bytes().count(b"\n") for path in modules(root).values())


def report(root: Path) -> str:
    """Return the measurements as Markdown."""
    by_folder = folders(root)
    largest = ", ".join(f"`{name}` {count}" for name, count in by_folder.most_common(4))
    rows = [
        ("modules", sum(by_folder.values())),
        ("folders with modules", len(by_folder)),
        ("largest folders", largest),
        ("circles", len(circles(root))),
        ("imports of panels from elsewhere", len(into_panels(root))),
        ("imports that are not allowed", len(faults(root))),
        ("file names that occur more than once", len(same_names(root))),
        ("lines of detector/, training/ and operators/", f"{lines(root):,}"),
    ]
    return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the tree.")
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--places", action="store_true", help="files to touch for each addition")
    given = parser.parse_args()
    if given.places:
        for what, files in PLACES.items():
            print(f"{what}: {len(files)}\n    " + "\n    ".join(files))
        return
    root = given.root.resolve()
    print(report(root))
    for group in circles(root):
        print("circle:", ", ".join(group))
    for name, count in sorted(folders(root).items()):
        print(f"{count:4d}  {name}")


if __name__ == "__main__":
    main()

"""Whatever changes a dataset's schema, views, runs or description does so under its lease."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: Calls that change the dataset's document: inside ``with changing(dataset)`` only.
GUARDED = {
    *("add_sample_field", "add_frame_field", "clear_sample_field", "clear_sample_fields"),
    *("delete_sample_field", "delete_sample_fields", "rename_sample_field", "create_index"),
    *("drop_index", "evaluate_classifications", "delete_evaluation", "delete_brain_run"),
    *("update_run_config", "add_group_field"),
}
#: Calls that FiftyOne makes in several steps; :mod:`stored_runs` and :mod:`saved_views` make them
#: in one.
NEVER = {
    *("register_run", "delete_run", "save_run_results", "rename_run", "rename_brain_run"),
    *("save_view", "delete_saved_view", "update_saved_view_info", "save_workspace"),
    *("rename_evaluation", "delete_saved_views", "delete_runs"),
}
#: A run is known by its method: only :mod:`stored_runs` asks FiftyOne for one by its name.
BY_NAME = {"has_run", "get_run_info", "list_runs", "load_run_results"}


def _changes(tree: ast.AST) -> list[tuple[ast.AST, str]]:
    """(node, name) of what changes a dataset's document."""
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
            saves = name == "save" and ast.unparse(node.func.value).endswith("dataset")
            if name in GUARDED | NEVER or saves:
                found.append((node, "dataset.save" if saves else name))
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            for target in targets:
                text = ast.unparse(target) if target is not None else ""
                if ".info[" in text or text.endswith((".media_type", ".app_config", ".info")):
                    found.append((node, text))
    return found


def _guarded_lines(tree: ast.AST) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            heads = [ast.unparse(item.context_expr) for item in node.items]
            if any("changing(" in head for head in heads):
                lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def test_datasets_change_under_their_lease_only():
    wrong = []
    for path in sorted((ROOT / "operators").rglob("*.py")):
        tree = ast.parse(path.read_text())
        inside = _guarded_lines(tree)
        for node, name in _changes(tree):
            where = f"{path.relative_to(ROOT)}:{node.lineno} {name}"
            if name in NEVER:
                wrong.append(f"{where}: use stored_runs or saved_views")
            elif node.lineno not in inside:
                wrong.append(f"{where}: not in 'with changing(...)'")
    assert not wrong, "\n".join(wrong)


def test_custom_runs_are_known_by_their_method():
    wrong = []
    for path in sorted((ROOT / "operators").rglob("*.py")):
        if path.name == "stored_runs.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in BY_NAME:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.attr}: use stored_runs")
    assert not wrong, "\n".join(wrong)


def test_the_rule_sees_what_it_forbids():
    tree = ast.parse(
        "dataset.add_sample_field('a', int)\n"
        "dataset.info['x'] = 1\n"
        "dataset.save()\n"
        "view.register_run('a', b)\n"
        "dataset.media_type = 'image'\n"
        "with changing(dataset):\n    dataset.create_index('a')\n"
    )
    found = {name for node, name in _changes(tree) if node.lineno not in _guarded_lines(tree)}
    assert found == {
        *("add_sample_field", "dataset.info['x']", "dataset.save", "register_run"),
        "dataset.media_type",
    }

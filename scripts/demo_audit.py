"""Puts the error audit of the panel into lines of a terminal."""

from __future__ import annotations

from typing import Any


class Audit:
    """The error audit of one detector on the held-out people, as the panel computes it."""

    def __init__(self, faces: Any, key: str) -> None:
        from media_forensics.operators.panels.audit.study import study_of, threshold_of

        self._choice: dict[str, Any] = {
            "key": key,
            "level": "video",
            "scope": "split:test",
            "group": "source_dataset",
        }
        self._study = study_of(faces, self._choice)
        self._threshold = threshold_of(self._study, self._choice)
        self._total, self._rows = self._study.table.at(self._threshold.value)

    @property
    def finding(self) -> str:
        """The dataset with the worst false alarms, and whether that is beyond chance."""
        rows = [row for row in self._rows if row.fpr is not None]
        if not rows:
            return "no real is scored"
        worst = max(rows, key=lambda row: (row.fpr.stands_out, row.fpr.rate))
        name, cell = " · ".join(worst.name), worst.fpr
        words = f"{name}: {cell.hits} of {cell.trials} reals called fake"
        words += "" if cell.rest is None else f", {cell.rest:.0%} of the others'"
        beyond = "beyond chance" if cell.stands_out else cell.why or "not beyond chance"
        return f"{words} ({beyond})"

    @property
    def lines(self) -> str:
        """The table by dataset, and what the audit says about why."""
        head = f"{'dataset':<20}{'real':>5}{'fake':>5}  {'false alarms':<22}{'misses':<22}AUROC"
        out = [f"       {head}"]
        for row in [*self._rows, self._total]:
            name = " · ".join(row.name) if row.index >= 0 else "all"
            area = "n/a" if row.auroc is None else f"{row.auroc.value:.2f}"
            if row.auroc is not None and row.auroc.low is not None:
                area += f" [{row.auroc.low:.2f}, {row.auroc.high:.2f}]"
            counts = f"{name:<20}{row.real:>5}{row.fake:>5}"
            out.append(f"       {counts}  {_rate(row.fpr):<22}{_rate(row.fnr):<22}{area}")
        slices = self._contents("slices")
        out.append(f"       Where errors concentrate: {slices['words']}")
        for found in slices["rows"][:2]:
            what = {"fp": "reals called fake", "fn": "fakes called real"}[found["kind"]]
            rates = f"{found['rate']:.0%} of {found['trials']} {what}, else {found['rest']:.0%}"
            out.append(f"       - {' & '.join(found['name'])}: {rates}")
        transfer = self._contents("transfer")
        known = [row for row in transfer["rows"] if row["reals"]]
        middle = sorted(((row["reals"][0], row["name"]) for row in known), reverse=True)
        reals = ", ".join(f"{name} {value:.3f}" for value, name in middle)
        out.append(f"       Threshold transfer: {transfer['words']}")
        out.append(f"       - the middle real: {reals}; the threshold: {self._threshold.value:.3f}")
        return "\n".join(out)

    def against(self, other: str) -> tuple[str, dict[str, list[dict[str, Any]]]]:
        """Return what the panel says of a second detector, and the videos that changed."""
        self._choice["other"] = other
        found = self._contents("compare")
        return found["words"], {name: found["list"].get(name, []) for name in ("fixed", "broken")}

    def _contents(self, tab: str) -> dict[str, Any]:
        from media_forensics.operators.panels.audit import tabs

        return tabs.contents(self._study, {**self._choice, "tab": tab}, self._threshold)[tab]


def _rate(cell: Any) -> str:
    if cell is None:
        return "n/a"
    bounds = "" if cell.low is None else f" [{cell.low:.0%}, {cell.high:.0%}]"
    return f"{cell.rate:.0%}{bounds}" + (" *" if cell.stands_out else "")

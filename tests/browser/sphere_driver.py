"""The part of the App's driver that reads and points at the sphere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class SphereDriver:
    """Mixed into :class:`app_driver.App`, which has the page."""

    page: Any
    until: Callable[..., Any]
    wait: Callable[[float], None]

    def sphere(self, script: str) -> Any:
        """Value of a JavaScript expression of ``p``, the sphere's painter."""
        canvas = "document.querySelector('[data-cy=mf-canvas]')"
        return self.page.evaluate(f"(() => {{ const p = {canvas}.mfPainter; return {script}; }})()")

    def wait_sphere(self) -> int:
        """Wait until the sphere is drawn; returns its number of points."""
        ready = "p && p.data && p.ms > 0 ? p.data.n : 0"
        self.page.wait_for_selector('[data-cy="mf-canvas"]')
        return self.until("the sphere", lambda: self.sphere(ready))

    def sphere_pixel(self, index: int) -> tuple[float, float]:
        """Where a point of the sphere is in the window."""
        box = "p.canvas.getBoundingClientRect()"
        x, y = self.sphere(
            f"[{box}.left + p.U[{index}] / p.ratio, {box}.top + p.V[{index}] / p.ratio]"
        )
        return x, y

    def settled_pixel(self, index: int) -> tuple[float, float]:
        """Where a point of the sphere is once the page around it has stopped moving."""
        seen: list[tuple[float, float]] = []

        def rests() -> bool:
            seen.append(self.sphere_pixel(index))
            if seen[-1:] == seen[-2:-1]:
                return True
            self.wait(1)
            return False

        self.until("the sphere at rest", rests)
        return seen[-1]

    def lone_point(self) -> int:
        """A visible point in front that no other point is near to."""
        return self.sphere(
            "(() => { let best = -1, most = -1; for (let i = 0; i < p.data.n; i++) {"
            " if (p.W[i] > 0) continue; let least = 1e9;"
            " for (let k = 0; k < p.data.n; k++) { if (k === i || p.W[k] > 0) continue;"
            "  least = Math.min(least, (p.U[k] - p.U[i]) ** 2 + (p.V[k] - p.V[i]) ** 2); }"
            " if (least > most) { most = least; best = i; } } return best; })()"
        )

"""Panel ``hypersphere`` (in the works)."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types


class Hypersphere(foo.Panel):
    """Embeddings on the sphere."""

    @property
    def config(self) -> foo.PanelConfig:
        return foo.PanelConfig(name="hypersphere", label="Hypersphere", icon="language")

    def render(self, ctx: Any) -> types.Property:
        """Nothing yet."""
        return types.Property(types.Object())

"""Panel ``hypersphere``: embeddings seen from the detector's fake axis, linked with the grid."""

from __future__ import annotations

import logging
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from .. import fields
from ..markup import plain
from . import face_columns, sphere_payload, sphere_words
from .audit_units import Coded
from .audit_words import count
from .error_audit import SCORE_FACES, handler
from .sphere_source import Sphere, embedding_field, embeddings_of, sphere_of

logger = logging.getLogger(__name__)

VIEW = "MediaForensicsSphere"  # in dist/index.umd.js
HELP = (
    "Unit embeddings on the sphere, turned so that the detector's fake axis points to the right. "
    "Click a face or draw a lasso to see those faces in the grid; what you select in the grid "
    "lights up here. How each number is made: docs/audit.md of the plugin."
)
THRESHOLD = 0.5  # at which errors are coloured: the detector's own call
NEAREST = 24
MOST_FIELDS = 12  # to colour by: each costs a byte per face
CHOICE = ("dataset", "token", "key", "other", "selected", "shown")
FIRST, SECOND = "panel", "second"  # where the data of the two spheres lies
MOST_LIT = 2000  # faces that light up in the other sphere


class Hypersphere(foo.Panel):
    """Faces on the sphere of embeddings, anchored on the head."""

    @property
    def config(self) -> foo.PanelConfig:
        return foo.PanelConfig(
            name="hypersphere",
            label="Hypersphere",
            icon="language",
            help_markdown=HELP,
            category=foo.Categories.ANALYZE,
            surfaces="grid",
            allow_multiple=False,
        )

    @staticmethod
    def _choice(ctx: Any) -> dict[str, Any]:
        # every name every time: the App merges what it gets into what it has
        return {**dict.fromkeys(CHOICE), **(ctx.panel.get_state("choice") or {})}

    # -- events ----------------------------------------------------------------------------------

    def on_load(self, ctx: Any) -> None:
        """First paint, and again when the panel is opened anew."""
        self._show(ctx, {**self._choice(ctx), "token": None, "shown": None})

    def on_change_dataset(self, ctx: Any) -> None:
        """Another dataset: nothing of the old choice holds."""
        name = ctx.dataset.name if ctx.dataset is not None else None
        if name != self._choice(ctx)["dataset"]:  # also fires when the panel is mounted
            self._show(ctx, dict.fromkeys(CHOICE))

    def on_change_selected(self, ctx: Any) -> None:
        """The grid's selection lights up in the plot."""
        choice = self._choice(ctx)
        chosen = sorted(ctx.selected or [])
        if ctx.panel.get_state("empty") or chosen == (choice["selected"] or []):
            return  # also fires when nothing has changed
        try:
            lit = {
                f"{place}.selected": _indices_of(*self._current(ctx, side), chosen)
                for place, side in self._sides(choice)
            }
        except ForensicsError as error:
            logger.info("selection not shown: %s", error)
            return
        choice["selected"] = chosen
        ctx.panel.set_state("choice", choice)
        ctx.panel.set_data(lit)

    @handler
    def on_set(self, ctx: Any) -> None:
        """Another detector, or another one beside it (``other``, "" for none)."""
        name, value = ctx.params.get("name"), ctx.params.get("value")
        if name not in ("key", "other"):
            raise ForensicsError(f"There is no control {name!r}.")
        choice = {**self._choice(ctx), name: value or None, "shown": None}
        self._show(ctx, {**choice, "token": None})

    @handler
    def on_refresh(self, ctx: Any) -> None:
        """Read the samples again."""
        self._show(ctx, {**self._choice(ctx), "token": None})

    def on_hover(self, ctx: Any) -> dict[str, Any] | None:
        """The card of one face, returned to the browser."""
        try:
            source, sphere = self._current(ctx, self._asked(ctx, self._choice(ctx)))
        except ForensicsError:
            return None  # the next event says what is wrong
        found = sphere_payload.indices(ctx.params, len(sphere.columns))
        return _card(source, sphere, int(found[0])) if found.size else None

    @handler
    def on_pick(self, ctx: Any) -> None:
        """A click or a lasso: the grid shows those faces."""
        choice = self._choice(ctx)
        side = self._asked(ctx, choice)
        source, sphere = self._current(ctx, side)
        found = sphere_payload.indices(ctx.params, len(sphere.columns))
        what = "clicked" if found.size == 1 else "inside the lasso"
        self._to_grid(ctx, source, sphere, found, what, choice)

    @handler
    def on_more(self, ctx: Any) -> dict[str, Any] | None:
        """From one face to its video, or to its nearest faces of other groups; returns them."""
        choice = self._choice(ctx)
        side = self._asked(ctx, choice)
        source, sphere = self._current(ctx, side)
        found = sphere_payload.indices(ctx.params, len(sphere.columns))
        if not found.size:
            return None
        if ctx.params.get("what") == "video":
            video = sphere.columns.video
            code = video.codes[found[0]]
            chosen = np.flatnonzero(video.codes == code) if code >= 0 else found
            what = "of the same video"
        else:
            chosen = _nearest(source, sphere, side, int(found[0]))
            what = f"the face and its {len(chosen) - 1} nearest of other groups"
        self._to_grid(ctx, source, sphere, chosen, what, choice)
        return {"idx": [int(i) for i in chosen]}

    @handler
    def on_clear(self, ctx: Any) -> None:
        """Show everything in the grid again."""
        ctx.ops.clear_view()
        ctx.ops.set_selected_samples([])
        ctx.ops.set_extended_selection(reset=True)
        choice = {**self._choice(ctx), "shown": None}
        lit = {f"{place}.selected": [] for place, _ in self._sides(choice)}
        self._remember(ctx, {**choice, "selected": []}, lit)

    @handler
    def on_register(self, ctx: Any) -> None:
        """Give FiftyOne's Embeddings panel the 2-D projection."""
        choice = self._asked(ctx, self._choice(ctx))
        source, sphere = self._current(ctx, choice)
        if not source.shows_faces:
            raise ForensicsError("The grid shows videos.", f"Open {source.faces.name!r} for it.")
        name = register_plane(source.faces, choice["key"], sphere)
        ctx.ops.notify(f"Open the Embeddings panel and choose {name!r}.", variant="success")
        ctx.ops.reload_dataset()

    def on_score(self, ctx: Any) -> None:
        """Open the form of 'Score faces'."""
        ctx.prompt(SCORE_FACES, on_success=self.on_refresh)

    # -- what the events have in common ----------------------------------------------------------

    @staticmethod
    def _sides(choice: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Place of the data and choice of each sphere that is drawn: one, or two beside."""
        sides = [(FIRST, choice)]
        if choice["other"]:
            sides.append((SECOND, {**choice, "key": choice["other"], "token": None}))
        return sides

    def _asked(self, ctx: Any, choice: dict[str, Any]) -> dict[str, Any]:
        """The choice of the sphere that an event came from."""
        sides = self._sides(choice)
        return sides[-1][1] if ctx.params.get("side") == 2 else sides[0][1]

    def _current(self, ctx: Any, choice: dict[str, Any]) -> tuple[face_columns.Source, Sphere]:
        """Source and sphere of ``choice``; missing values are filled in, in place."""
        source = face_columns.source_of(ctx.dataset)
        keys = [
            key
            for key in face_columns.detector_keys(source.faces)
            if source.faces.has_field(fields.ScoreFields(key).embedding)
        ]
        if not keys:
            embedding_field(source.faces, face_columns.detector_keys(source.faces)[-1])  # raises
        if choice["key"] not in keys:
            choice |= {"key": keys[-1], "token": None}
        if not choice["token"]:
            choice["token"] = repr(face_columns.state_token(source, choice["key"]))
        return source, sphere_of(source, choice["key"], choice["token"])

    def _to_grid(
        self,
        ctx: Any,
        source: face_columns.Source,
        sphere: Sphere,
        chosen: np.ndarray,
        what: str,
        choice: dict[str, Any],
    ) -> None:
        if not chosen.size:
            raise ForensicsError("There is no face there.")
        if source.shows_faces:
            ids = [sphere.columns.ids[int(i)] for i in chosen]
            ctx.ops.set_view(source.faces.select(ids))
            text = f"Grid: {count(len(ids), 'face')} — {what}"
        else:
            video = sphere.columns.video
            codes = np.unique(video.codes[chosen])
            names = [video.values[code] for code in codes if code >= 0]
            ctx.ops.set_view(source.shown.select_by("video_id", names))
            text = f"Grid: {count(len(names), 'video')} of {count(len(chosen), 'face')} — {what}"
        lit = {}
        if choice["other"]:  # the same faces before and after
            same = [sphere.columns.ids[int(i)] for i in chosen[:MOST_LIT]]
            for place, side in self._sides(choice):
                mine = place == (SECOND if ctx.params.get("side") == 2 else FIRST)
                there = [] if mine else _rows_of(self._current(ctx, side)[1], same)
                lit[f"{place}.selected"] = there
        self._remember(ctx, {**choice, "shown": text}, lit)

    def _remember(
        self, ctx: Any, choice: dict[str, Any], lit: dict[str, list[int]] | None = None
    ) -> None:
        ctx.panel.set_state("choice", choice)
        data: dict[str, Any] = dict(lit or {})
        for place, _ in self._sides(choice):
            data |= {f"{place}.shown": choice["shown"], f"{place}.rev": ctx.params.get("rev")}
        ctx.panel.set_data(data)

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        """Send the sphere of ``choice``; where there is none, say what to do next."""
        choice["dataset"] = ctx.dataset.name if ctx.dataset is not None else None
        choice["selected"] = sorted(ctx.selected or [])
        try:
            self._current(ctx, choice)
            if choice["other"] == choice["key"]:
                choice["other"] = None
            data = {place: self._picture(ctx, side) for place, side in self._sides(choice)}
        except ForensicsError as error:
            logger.info("no sphere: %s", error)
            empty = {"message": error.message, "hint": error.hint}
            ctx.panel.set_state({"choice": choice, "empty": empty})
            return
        ctx.panel.set_state({"choice": choice, "empty": None})
        ctx.panel.set_data(data)

    def _picture(self, ctx: Any, side: dict[str, Any]) -> dict[str, Any]:
        """Everything that one component draws and says."""
        source, sphere = self._current(ctx, side)
        keys = face_columns.detector_keys(source.faces)
        return {
            "sphere": payload_of(source, sphere, side["key"], side["token"]),
            "keys": [[key, key] for key in keys],
            "key": side["key"],
            "other": side["other"],
            "words": sphere.picture.words,
            "note": sphere_words.anchor(
                sphere.picture.explained,
                sphere.dropped,
                len(sphere.columns) if sphere.sampled else 0,
                sphere.picture.anchored,
            ),
            "shown": side["shown"],
            "rev": ctx.params.get("rev"),  # the event that this answers
            "selected": _indices_of(source, sphere, side["selected"]),
        }

    def render(self, ctx: Any) -> types.Property:
        """The component, or what to do to see it."""
        panel = types.Object()
        empty = ctx.panel.get_state("empty")
        if empty:
            panel.md(
                f"### No sphere to show yet\n\n{plain(empty['message'])} {plain(empty['hint'])}",
                name="why",
            )
            if "Score faces" in empty["hint"]:
                panel.btn("score", label="Score faces …", on_click=self.on_score)
            panel.btn("again", label="Look again", on_click=self.on_refresh)
        else:
            for number, (place, _) in enumerate(self._sides(self._choice(ctx)), 1):
                panel.define_property(
                    place,
                    types.Object(),
                    view=types.View(
                        component=VIEW,
                        composite_view=True,
                        side=number,
                        on_set=self.on_set,
                        on_refresh=self.on_refresh,
                        on_hover=self.on_hover,
                        on_pick=self.on_pick,
                        on_more=self.on_more,
                        on_clear=self.on_clear,
                        on_register=self.on_register,
                    ),
                )
        columns = "repeat(auto-fit, minmax(min(100%, 400px), 1fr))"
        props = {"sx": {"display": "grid", "gridTemplateColumns": columns, "padding": 1.5}}
        view = types.GridView(orientation="vertical", gap=1, componentsProps={"grid": props})
        return types.Property(panel, view=view)


def payload_of(source: face_columns.Source, sphere: Sphere, key: str, token: str) -> dict[str, Any]:
    """The sphere's columns for the browser."""
    columns = sphere.columns
    config = face_columns.run_config(source.faces, key)
    head = getattr(config, "head_weight", None)
    limit = None
    if head is not None:
        bias = getattr(config, "head_bias", None) or [0.0, 0.0]
        limit = sphere_payload.boundary(
            head, bias, THRESHOLD, bool(getattr(config, "normalize", True))
        )
    return sphere_payload.payload(
        sphere.picture.xyz,
        columns.label,
        columns.p_fake,
        THRESHOLD,
        _colour_fields(source, sphere, key, token),
        limit,
    )


def _colour_fields(
    source: face_columns.Source, sphere: Sphere, key: str, token: str
) -> dict[str, Coded]:
    """Text and flag columns that the points can be coloured by; ours first."""
    found = dict(sphere.columns.texts)
    more = [
        name
        for name in face_columns.group_fields(source.faces, key)
        if name not in found
        and isinstance(source.faces.get_field(name), (fo.StringField, fo.BooleanField))
    ]
    names = tuple(more[: MOST_FIELDS - len(found)])
    for name, column in face_columns.field_columns(source, names, token).items():
        assert isinstance(column, Coded)
        found[name] = column.take(sphere.rows)
    return found


def _indices_of(source: face_columns.Source, sphere: Sphere, chosen: list[str]) -> list[int]:
    """Points of the selected samples; of a selected video all its faces."""
    if not chosen:
        return []
    if source.shows_faces:
        wanted = set(chosen)
        return [row for row, sample_id in enumerate(sphere.columns.ids) if sample_id in wanted]
    names = set(source.shown.select(chosen).values("video_id"))
    video = sphere.columns.video
    codes = [code for code, name in enumerate(video.values) if name in names]
    return np.flatnonzero(np.isin(video.codes, codes)).tolist()


def _rows_of(sphere: Sphere, ids: list[str]) -> list[int]:
    """Points of the faces ``ids``, where they are drawn."""
    wanted = set(ids)
    return [row for row, sample_id in enumerate(sphere.columns.ids) if sample_id in wanted]


def _card(source: face_columns.Source, sphere: Sphere, row: int) -> dict[str, Any]:
    columns = sphere.columns
    sample_id = columns.ids[row]
    sample = source.faces[sample_id]
    label = sample[fields.GROUND_TRUTH]
    score = float(columns.p_fake[row])
    names = ("source_dataset", "method", "split", "frame_number", "video_id")
    values: dict[str, Any] = {name: sample[name] for name in names if sample.has_field(name)}
    values["filepath"] = sample.filepath
    values["label"] = label.label if label is not None else None
    values["p_fake"] = None if np.isnan(score) else score
    return sphere_words.card(values)


def _nearest(
    source: face_columns.Source, sphere: Sphere, choice: dict[str, Any], row: int
) -> np.ndarray:
    """The face ``row`` and its nearest drawn faces by cosine that are not of its group."""
    from ...detector.neighbours import nearest

    vectors, there = embeddings_of(source, choice["key"], choice["token"])
    vectors = vectors[np.searchsorted(there, sphere.rows)]
    columns = sphere.columns
    group = np.where(
        columns.group.codes >= 0, columns.group.codes, -2 - columns.video.codes.astype(np.int64)
    )
    found = nearest(
        vectors[row : row + 1],
        vectors,
        k=min(NEAREST, len(vectors)),
        query_groups=group[row : row + 1].tolist(),
        reference_groups=group.tolist(),
    ).indices[0]
    return np.concatenate([[row], found[found >= 0]])


def register_plane(faces: fo.Dataset, key: str, sphere: Sphere) -> str:
    """Store the 2-D projection of ``sphere`` for FiftyOne's Embeddings panel.

    Returns:
        the brain key, ``<key>_plane``: degrees to the fake axis against the leading residual
    """
    import fiftyone.brain as fob

    name = f"{key}_plane"
    angle = np.degrees(np.arccos(np.clip(sphere.picture.xyz[:, 0], -1, 1)))
    points = np.stack(
        [-angle, sphere.picture.xyz[:, 1] * 100], axis=1
    )  # fakes to the right, as here
    if faces.has_brain_run(name):
        faces.delete_brain_run(name)
    fob.compute_visualization(
        faces.select(list(sphere.columns.ids), ordered=True), points=points, brain_key=name
    )
    return name

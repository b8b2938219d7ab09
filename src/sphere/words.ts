/** What the sphere says of itself. */
import type { KeyWords } from "../app/keys_help.tsx";
import type { Drawn } from "./common.ts";
import type { Tool } from "./gestures.ts";
import type { Mode } from "./view.ts";

export const KEYS: readonly KeyWords[] = [
  ["← ↑ → ↓", "turn the sphere, or move the plot"],
  ["+ −", "zoom"],
  ["0", "back to the first view"],
  ["Enter", "take the face in the middle"],
  ["L", "lasso: arrows, Space for a corner, Enter closes it"],
  ["B", "box: arrows, Enter for each of two corners"],
  ["Esc", "leave the tool, or show all"],
  ["?", "these keys"],
];

/** How to use it. */
export function howTo(tool: Tool, mode: Mode): string {
  if (tool === "box") {
    return (
      "Box: drag, or move the cross with the arrows (Shift: faster) and set two corners with " +
      "Enter. Escape leaves."
    );
  }
  if (tool === "lasso") {
    return (
      "Lasso: drag, or move the cross with the arrows (Shift: faster), set corners with Space " +
      "and close with Enter. Escape leaves."
    );
  }
  return (
    `Drag or arrows ${mode === "3d" ? "turn" : "move"}, wheel or + and − zoom, shift-drag or L ` +
    "is a lasso, B a box; click a face, or Enter for the one in the middle, to see it in the grid."
  );
}

const TRUE_ANGLES = "Angles to the fake axis are true; dashed is the threshold.";

/** What its angles mean. */
export function meaning(
  mode: Mode,
  shape: Drawn,
  stretch: number,
  umap: { words: string } | null,
): string {
  if (mode === "umap") return umap ? umap.words : "The UMAP is loading.";
  if (mode === "2d") return TRUE_ANGLES;
  if (shape === "ball") return "Orthogonal projection into the ball.";
  const angles =
    shape === "stretched" && stretch > 1
      ? `Angles to the fake axis are drawn × ${stretch} around the threshold (dashed); the ` +
        "degrees on the rings are true."
      : TRUE_ANGLES;
  return angles + " The angle around the axis is the direction of the residual.";
}

/** Controls above the sphere. */
import { Select } from "../app/controls.tsx";
import { Fragment, h } from "../app/given.ts";
import type { Option } from "../sent/audit.ts";
import type { Picture } from "../sent/sphere.ts";
import { useCommon, type Drawn } from "./common.ts";
import type { Tool } from "./gestures.ts";
import type { Mode } from "./view.ts";

interface ToolbarProps {
  data: Partial<Picture>;
  side: 1 | 2;
  two: boolean;
  mode: Mode;
  stretch: number;
  tool: Tool;
  set: (name: "key" | "other", value: string) => void;
  take: (tool: Tool) => void;
  reset: () => void;
  refresh: () => void;
  help: React.ReactNode;
}

const COLOURS: Option[] = [
  ["label", "truth"],
  ["prediction", "prediction"],
  ["error", "right and wrong"],
  ["score", "score (p_fake)"],
];

/** Ways to draw the ball, for angles that would be stretched by `stretch`. */
const drawings = (stretch: number): Option[] => [
  ...(stretch > 1 ? [["stretched", `angles × ${stretch}`] as Option] : []),
  [stretch > 1 ? "true" : "stretched", "true angles"],
  ["ball", "inside ball"],
];

/** One of several buttons of which one is pressed. */
function Choice(props: {
  pressed: boolean;
  text: string;
  title: string;
  onClick: () => void;
  cy: string;
}) {
  return (
    <button
      className={props.pressed ? "mf-on" : ""}
      aria-pressed={props.pressed}
      onClick={props.onClick}
      title={props.title}
      data-cy={props.cy}
    >
      {props.text}
    </button>
  );
}

/** What both spheres share stands above the first. */
function Shared({ data, mode, stretch, set }: ToolbarProps) {
  const [by, setBy] = useCommon("by");
  const [, setHidden] = useCommon("hidden");
  const [, setMode] = useCommon("mode");
  const [shape, setShape] = useCommon("shape");
  const keys = data.keys ?? [];
  const others = keys.filter(([key]) => key !== data.key);
  const fields = (data.fields ?? []).map((name): Option => [name, name]);
  const tab = (value: Mode, text: string, title: string) => (
    <Choice
      pressed={value === mode}
      text={text}
      title={title}
      onClick={() => setMode(value)}
      cy={"mf-mode-" + value}
    />
  );
  return (
    <>
      {keys.length > 1 && (
        <Select
          label="Compare with"
          value={data.other}
          options={[["", "nothing"], ...others]}
          onChange={(value) => set("other", value)}
          cy="mf-sphere-other"
        />
      )}
      <Select
        label="Colour by"
        value={by}
        options={[...COLOURS, ...fields]}
        onChange={(value) => {
          setBy(value);
          setHidden(new Set());
        }}
        cy="mf-colour"
      />
      <div className="mf-row" style={{ gap: 0 }} role="group" aria-label="View">
        {tab("3d", "3-D", "The sphere")}
        {tab("2d", "2-D", "Angle to the fake axis against the leading residual")}
        {data.umap && tab("umap", "UMAP", "Near neighbours by cosine distance; angles are not kept")}
      </div>
      {mode === "3d" && (
        <Select
          label="Drawn"
          value={shape}
          onChange={(value) => setShape(value as Drawn)}
          cy="mf-shape"
          options={drawings(stretch)}
        />
      )}
    </>
  );
}

export function Toolbar(props: ToolbarProps) {
  const { data, side, two, tool, set, take } = props;
  const toolButton = (value: Tool, text: string, title: string) => (
    <Choice
      pressed={value === tool}
      text={text}
      title={title}
      onClick={() => take(value)}
      cy={"mf-" + value}
    />
  );
  return (
    // below two pictures, so that these stand side by side
    <div className="mf-row" style={two ? { marginTop: 8 } : { order: -2 }}>
      <Select
        label={side === 2 ? "Beside it" : "Detector"}
        value={data.key}
        options={data.keys}
        onChange={(value) => set(side === 2 ? "other" : "key", value)}
        cy={"mf-sphere-key" + (side === 2 ? "-2" : "")}
      />
      {side === 1 && <Shared {...props} />}
      <div className="mf-row" style={{ gap: 0 }} role="group" aria-label="Select faces">
        {toolButton("lasso", "Lasso", "Draw around faces (L, or hold shift and drag)")}
        {toolButton("box", "Box", "Draw a box around faces (B)")}
      </div>
      <button onClick={props.reset} title="Back to the first view (0)" data-cy="mf-reset">
        Reset
      </button>
      <button
        onClick={props.refresh}
        title="Read the samples again"
        aria-label="Read the samples again"
      >
        ↻
      </button>
      {side === 1 && props.help}
    </div>
  );
}

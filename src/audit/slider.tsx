/** The threshold: a slider and a number that say the same. */
import { useControl } from "../app/events.ts";
import { h } from "../app/given.ts";

/** A threshold out of what was typed; NaN where it is no number. */
export const thresholdOf = (text: string): number => Math.min(1, Math.max(0, parseFloat(text)));

interface SliderProps {
  threshold: { value: number };
  onMove: (value: number) => void;
}

export function Slider({ threshold, onMove }: SliderProps) {
  const [value, setValue] = useControl("audit", "threshold", threshold.value);
  const move = (text: string) => {
    const next = thresholdOf(text);
    if (Number.isNaN(next)) return;
    setValue(next);
    onMove(next);
  };
  return (
    <div className="mf-slider">
      <span>Threshold</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.005}
        value={value}
        onChange={(e) => move(e.target.value)}
        aria-label="Threshold on p_fake"
        aria-valuetext={"p_fake " + value.toFixed(3)}
        data-cy="mf-threshold"
      />
      <input
        type="number"
        min={0}
        max={1}
        step={0.005}
        value={Math.round(value * 1e4) / 1e4}
        onChange={(e) => move(e.target.value)}
        aria-label="Threshold"
        data-cy="mf-threshold-number"
      />
    </div>
  );
}

/** The threshold: a slider and a number that say the same. */
import { h, useEffect, useRef, useState } from "../app/given.ts";

/** ms after a move during which Python's answer does not move the slider back */
const OWN = 600;

/** A threshold out of what was typed; NaN where it is no number. */
export const thresholdOf = (text: string): number => Math.min(1, Math.max(0, parseFloat(text)));

interface SliderProps {
  threshold: { value: number };
  onMove: (value: number) => void;
}

export function Slider({ threshold, onMove }: SliderProps) {
  const [value, setValue] = useState(threshold.value);
  const moved = useRef(0);
  useEffect(() => {
    if (Date.now() - moved.current > OWN) setValue(threshold.value);
  }, [threshold.value]);
  const move = (text: string) => {
    const next = thresholdOf(text);
    if (Number.isNaN(next)) return;
    moved.current = Date.now();
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

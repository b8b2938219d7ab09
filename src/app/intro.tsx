/** The card of the first run: what is seen and what to click, until it is closed for good. */
import { h } from "./given.ts";

interface IntroProps {
  sentences: string[];
  onClose: () => void;
}

export function Intro({ sentences, onClose }: IntroProps) {
  return (
    <div className="mf-intro" role="note" data-cy="mf-intro">
      <ol>
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ol>
      <button onClick={onClose} data-cy="mf-intro-close">
        Got it
      </button>
    </div>
  );
}

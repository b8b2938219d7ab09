/** The pictures of a face: its crop with a heatmap on it, its frame with the box, its pair. */
import { h, sampleSource, useEffect, useRef } from "../app/given.ts";
import type { Card, Frame, Heat } from "../sent/review.ts";
import { pixelsOf } from "../app/heat.ts";
import { Truth, score } from "./verdict.tsx";

const UNREADABLE = "This picture cannot be read: its file was moved, or is not a picture.";

function Overlay({ heat }: { heat: Heat }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const data = new ImageData(pixelsOf(heat.values), heat.columns, heat.rows);
    canvas.current?.getContext("2d")?.putImageData(data, 0, 0);
  }, [heat]);
  return (
    <canvas
      ref={canvas}
      width={heat.columns}
      height={heat.rows}
      role="img"
      aria-label="Heatmap of what moved the score"
      data-cy="mf-review-heatmap"
    />
  );
}

/** Says so where a file is gone, instead of a broken picture. */
function Picture({ path, alt, cy }: { path: string; alt: string; cy: string }) {
  return (
    <img
      key={path}
      src={sampleSource(path)}
      alt={alt}
      data-cy={cy}
      onError={(e) => {
        e.currentTarget.alt = UNREADABLE;
        e.currentTarget.className = "mf-broken";
      }}
    />
  );
}

function Figure(props: { title: string; under: React.ReactNode; children?: React.ReactNode }) {
  return (
    <figure className="mf-figure" aria-label={props.title}>
      <div className="mf-picture">{props.children}</div>
      <figcaption>
        <b>{props.title}</b>
        <span className="mf-dim"> {props.under}</span>
      </figcaption>
    </figure>
  );
}

const frameWords = (frame: number | null): string =>
  frame === null ? "frame not known" : "frame " + frame.toLocaleString("en-US");

function Boxed({ frame, card }: { frame: Frame | undefined; card: Card }) {
  if (!frame) return <span className="mf-dim">Reading the frame …</span>;
  if (!frame.uri) return <span className="mf-dim">{frame.why}</span>;
  const [x, y, w, t] = card.box;
  const share = (v: number | undefined) => 100 * (v ?? 0) + "%";
  return (
    <div className="mf-boxed">
      <img
        src={frame.uri}
        alt={"Whole frame " + card.frame + " of " + card.video}
        data-cy="mf-review-frame"
      />
      {t !== undefined && (
        <i style={{ left: share(x), top: share(y), width: share(w), height: share(t) }} />
      )}
    </div>
  );
}

export function Pictures(props: {
  card: Card;
  frame: Frame | undefined;
  heat: Heat | null;
  threshold: number;
}) {
  const { card, heat } = props;
  const pair = card.pair;
  return (
    <div className="mf-pictures">
      <Figure
        title="Crop"
        under={heat ? "with what moved the score" : "what the detector saw"}
      >
        <Picture path={card.path} alt="Crop of the face" cy="mf-review-crop" />
        {heat && <Overlay heat={heat} />}
      </Figure>
      {pair && (
        <Figure
          title={card.label === "fake" ? "Its real" : "Its fake"}
          under={
            <span>
              <Truth label={pair.label} /> {score(pair.score)} · {frameWords(pair.frame)}
              {pair.same ? "" : ", the nearest"}
            </span>
          }
        >
          <Picture path={pair.path} alt={"Face of its pair, " + pair.video} cy="mf-review-pair" />
        </Figure>
      )}
      <Figure title="Frame" under={frameWords(card.frame)}>
        <Boxed frame={props.frame} card={card} />
      </Figure>
    </div>
  );
}

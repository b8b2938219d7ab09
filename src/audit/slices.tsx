/** Values of one or two fields whose errors exceed the rest. */
import { PlainHead, Says } from "../app/controls.tsx";
import { Fragment, h } from "../app/given.ts";
import { share } from "../app/words.ts";
import { FAKE, REAL } from "../app/colours.ts";
import type { Kind, Slice, Slices as Data } from "../sent/audit.ts";
import { RateCell } from "./rate.tsx";

interface SlicesProps {
  data: Data;
  unit: string;
  send: (conditions: [field: string, row: number][], kind: Kind) => void;
  setRegions: (on: boolean) => void;
}

export function Slices({ data, unit, send, setRegions }: SlicesProps) {
  const line = (slice: Slice, i: number) => {
    const go = (kind: Kind) => send(slice.conditions, kind);
    const fp = slice.kind === "fp";
    return (
      <tr key={i} data-cy="mf-slice" data-name={slice.name.join(" & ")}>
        <td className="mf-name">
          {slice.name.map((name, k) => (
            <div key={k}>{k ? "and " + name : name}</div>
          ))}
          <div className="mf-dim mf-small">{fp ? "● false alarms" : "▲ missed fakes"}</div>
        </td>
        <RateCell
          cell={{ ...slice, why: "", stands_out: true, small: false }}
          whole={{ rate: slice.rest }}
          colour={fp ? REAL : FAKE}
          kind={slice.kind}
          of={fp ? "real" : "fake"}
          go={go}
          cy={(kind) => `mf-slice-${i}-${kind}`}
          words={fp ? `of real ${unit}s called fake` : `of fake ${unit}s called real`}
        />
        <td className="mf-num">{slice.lift == null ? "–" : slice.lift.toFixed(1)}</td>
        <td className="mf-num">{share(slice.rest)}</td>
        <td>
          <div className="mf-acts">
            <button onClick={() => go(slice.kind)} data-cy={"mf-slice-show-" + i}>
              Show errors
            </button>
          </div>
        </td>
      </tr>
    );
  };
  const lift = `Rate divided by the rate of all other ${unit}s of the class`;
  return (
    <>
      {data.can_regions && (
        <label
          className="mf-small mf-dim"
          style={{ display: "flex", gap: 6, alignItems: "center" }}
        >
          <input
            type="checkbox"
            checked={data.regions}
            onChange={(e) => setRegions(e.target.checked)}
            data-cy="mf-regions"
          />
          Also by regions of the sphere: faces whose embeddings lie together (reads all
          embeddings)
        </label>
      )}
      <div>
        <Says words={data.words} />
        {data.rows.length > 0 && (
          <div className="mf-scroll">
            <table>
              <PlainHead
                names={[
                  ["where"],
                  ["errors", "95 % interval below"],
                  ["× rest", lift, true],
                  ["the rest", "", true],
                  [""],
                ]}
              />
              <tbody>{data.rows.map(line)}</tbody>
            </table>
          </div>
        )}
      </div>
    </>
  );
}

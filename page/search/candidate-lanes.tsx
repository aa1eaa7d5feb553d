/** Candidates as lanes over tokens: every step a stretch in the colour of its score, an arrow where one continues another. */
import { CandidateNode, type FigureProps, labelOf, scoreColour } from "./candidate-node.tsx";
import { layoutLanes } from "./lane-layout.ts";

const ROW = 26;
const BAR = 14;
const TOP = 26;
const LEFT = 10;
const LABEL = 64;
const ARROW = 4;
/** Pixels of all tokens, and of one at least and at most. */
const ROOM = 820;
const [NARROWEST, WIDEST] = [1, 12];
const TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
const TICK_ROOM = 60;

/** The lanes. */
export function CandidateLanes(props: FigureProps) {
  const { candidates } = props;
  const rows = layoutLanes(candidates);
  const all = [...candidates.values()];
  /** Where several share a row, the last is named. */
  const last = new Map(all.map(({ id }) => [rows.get(id) ?? 0, id]));
  const most = Math.max(1, ...all.map(({ tokens }) => tokens));
  const scale = Math.min(WIDEST, Math.max(NARROWEST, ROOM / most));
  const x = (token: number) => LEFT + token * scale;
  const y = (id: number) => TOP + (rows.get(id) ?? 0) * ROW;
  const width = x(most) + LABEL;
  const height = TOP + (Math.max(0, ...rows.values()) + 1) * ROW;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Lanes of candidates">
      <svg {...{ width, height }} class="lanes" role="group" aria-label={`${candidates.size} candidates`}>
        <Ticks {...{ most, scale, height }} />
        {all.map(
          (one) =>
            candidates.has(one.parent) && (
              <Link key={one.id} at={x(one.start)} from={y(one.parent) + BAR / 2} to={y(one.id) + BAR / 2} />
            ),
        )}
        {all.map((one) => (
          <CandidateNode key={one.id} {...props} one={one}>
            {one.steps.map(({ from, to, score }) => (
              <rect
                key={from}
                {...{ x: x(from), y: y(one.id), width: Math.max(1, (to - from) * scale), height: BAR }}
                style={{ fill: scoreColour(score) }}
              />
            ))}
            {last.get(rows.get(one.id) ?? 0) === one.id && (
              <text x={x(one.tokens) + 5} y={y(one.id) + BAR - 3}>
                {labelOf(one)}
              </text>
            )}
          </CandidateNode>
        ))}
      </svg>
    </div>
  );
}

/** Where a candidate continues another: nothing to draw on the same row, else an arrow down or up to its own. */
function Link({ at, from, to }: { readonly at: number; readonly from: number; readonly to: number }) {
  if (from === to) return null;
  const end = to - Math.sign(to - from) * (BAR / 2);
  const back = end - Math.sign(to - from) * ARROW;
  return (
    <path class="link" d={`M${at},${from}V${end}M${at - ARROW},${back}L${at},${end}L${at + ARROW},${back}`} />
  );
}

function Ticks(props: { readonly most: number; readonly scale: number; readonly height: number }) {
  const { most, scale, height } = props;
  const every = TICKS.find((one) => one * scale >= TICK_ROOM) ?? most;
  const ticks = Array.from({ length: Math.floor(most / every) + 1 }, (_, index) => index * every);
  return (
    <g class="ticks" aria-hidden="true">
      {ticks.map((token) => (
        <g key={token}>
          <line x1={LEFT + token * scale} x2={LEFT + token * scale} y1={TOP - 8} y2={height} />
          <text x={LEFT + token * scale} y={TOP - 12}>
            {token === 0 ? "0 tokens" : token}
          </text>
        </g>
      ))}
    </g>
  );
}

/** Candidates as a tree that grows to the right: who continued whom, how they were judged, who was given up. */
import { hierarchy, tree } from "d3-hierarchy";
import { CandidateNode, type FigureProps, labelOf, scoreColour } from "./candidate-node.tsx";
import type { Candidate } from "./candidate.ts";

const ROW = 26;
const COLUMN = 90;
const MARGIN = 20;
const RADIUS = 8;

interface Node {
  readonly id: number;
  readonly candidate?: Candidate;
  readonly children: Node[];
}

/** The tree. */
export function CandidateTree(props: FigureProps) {
  const { candidates } = props;
  const root = tree<Node>().nodeSize([ROW, COLUMN])(hierarchy(nest(candidates)));
  const nodes = root.descendants();
  const top = Math.min(...nodes.map(({ x }) => x));
  const width = Math.max(...nodes.map(({ y }) => y)) + 2 * MARGIN + COLUMN / 2;
  const height = Math.max(...nodes.map(({ x }) => x)) - top + 2 * MARGIN;
  const at = (x: number, y: number): readonly [number, number] => [y + MARGIN, x - top + MARGIN];
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Tree of candidates">
      <svg {...{ width, height }} class="tree" role="group" aria-label={`${candidates.size} candidates`}>
        {root.links().map(({ source, target }) => {
          const [[x1, y1], [x2, y2]] = [at(source.x, source.y), at(target.x, target.y)];
          return (
            <path
              key={target.data.id}
              d={`M${x1},${y1}C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}`}
            />
          );
        })}
        {nodes.map(({ x, y, data }) => {
          const [cx, cy] = at(x, y);
          const one = data.candidate;
          if (!one) return <circle key={0} {...{ cx, cy }} r={4} class="root" />;
          return (
            <CandidateNode key={one.id} {...props} one={one}>
              <circle {...{ cx, cy }} r={RADIUS} style={{ fill: scoreColour(one.score) }} />
              <text x={cx + RADIUS + 4} y={cy + 4}>
                {labelOf(one)}
              </text>
            </CandidateNode>
          );
        })}
      </svg>
    </div>
  );
}

function nest(candidates: ReadonlyMap<number, Candidate>): Node {
  const root: Node = { id: 0, children: [] };
  const nodes = new Map<number, Node>([[0, root]]);
  for (const candidate of candidates.values()) {
    const node: Node = { id: candidate.id, candidate, children: [] };
    nodes.set(candidate.id, node);
    (nodes.get(candidate.parent) ?? root).children.push(node);
  }
  return root;
}

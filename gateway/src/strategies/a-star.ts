/**
 * A*-decoding: the most promising partial answer is continued next, wherever it stands; f = g + h with h = 1 − score.
 * Source: 2505.13672. The paper's own g could not be checked against its text, so all variants here are reconstructions:
 * "rises" adds up what h has risen along the path, "depth" adds `depth_cost` a step, "none" is greedy best-first. With
 * `path_max` f never falls along a path, so that nodes are continued in order of f.
 * Cost: k steps and k verdicts an expansion; the frontier, no larger than the expansions that are left, holds its keys and values.
 */
import { bestJudged, byCost, ENDED_KEPT, type Node, withinReach } from "./frontier.ts";
import { isOpen, isSound } from "./standing.ts";
import { type Candidate, holding, type Run, type Search, type Strategy, withParameters } from "./strategy.ts";

interface Parameters {
  readonly branching: number;
  readonly expansions: number;
  readonly cost: "rises" | "depth" | "none";
  readonly depth_cost: number;
  readonly path_max: boolean;
}

/** Best-first search. */
export const aStar: Strategy = {
  name: "a-star",
  description: "Continues the most promising partial answer, wherever it stands.",
  parameters: {
    type: "object",
    properties: {
      branching: {
        type: "integer",
        minimum: 2,
        maximum: 16,
        default: 4,
        description: "k: continuations of a node; at most N.",
      },
      expansions: {
        type: "integer",
        minimum: 1,
        maximum: 1024,
        default: 64,
        description: "Most nodes continued.",
      },
      cost: {
        type: "string",
        enum: ["rises", "depth", "none"],
        default: "rises",
        description: "g; reconstructions.",
      },
      depth_cost: {
        type: "number",
        minimum: 0,
        maximum: 1,
        default: 0.02,
        description: "Of a step, if cost is depth.",
      },
      path_max: {
        type: "boolean",
        default: true,
        description: "f of a node is at least that of its parent.",
      },
    },
    additionalProperties: false,
  },
  source: "arXiv:2505.13672 (cost functions are reconstructions)",
  cost: "k steps and k verdicts an expansion; N/k nodes at a time",
  verifiers: ["process"],
  needsVerifier: true,
  stepwise: true,
  votes: false,
  candidates: 4,
  holds: holding<Parameters>((candidates, { branching, expansions }) => {
    const { ways, children } = roundOf(candidates, branching);
    // The frontier grows by k − 1 an expansion and may not be larger than what is left of them.
    return Math.ceil(expansions - (expansions - 1) / ways) + children + ENDED_KEPT;
  }),
  run: withParameters(run),
};

/** Ways in which a node is continued, and how many children a round has. */
function roundOf(width: number, branching: number): { readonly ways: number; readonly children: number } {
  const ways = Math.min(branching, width);
  return { ways, children: ways * Math.max(1, Math.floor(width / ways)) };
}

async function* run(search: Search, parameters: Parameters): Run {
  const { ways, children: most } = roundOf(search.width, parameters.branching);
  const atOnce = most / ways;
  let frontier: Node[] = [{ candidate: search.root, g: 0, h: 1, f: 0 }];
  for (let left = parameters.expansions; left > 0;) {
    frontier = withinReach(search, frontier.toSorted(byCost), left);
    if (frontier[0] && !isOpen(frontier[0].candidate)) break;
    const open = frontier.filter(({ candidate }) => isOpen(candidate)).slice(0, Math.min(atOnce, left));
    const parents = open.flatMap((node) => Array.from({ length: ways }, () => node));
    const children = await search.fork(parents.map(({ candidate }) => candidate));
    search.drop(open.map(({ candidate }) => candidate));
    const isWhole = await search.step(children, "step");
    const scores = await search.score(children, "process");
    const fresh = children
      .map((child, i) => nodeOf(child, scores[i] ?? 0, parents[i], parameters))
      .filter(({ candidate }) => isSound(candidate));
    frontier = [...frontier.filter((node) => !open.includes(node)), ...fresh];
    left -= open.length;
    if (!isWhole) break;
  }
  return { chosen: await best(search, frontier) };
}

function nodeOf(candidate: Candidate, score: number, parent: Node | undefined, parameters: Parameters): Node {
  const h = 1 - score;
  const { cost, depth_cost, path_max } = parameters;
  const steps = { rises: Math.max(0, h - (parent?.h ?? 1)), depth: depth_cost, none: 0 };
  const g = (parent?.g ?? 0) + steps[cost];
  return { candidate, g, h, f: path_max ? Math.max(parent?.f ?? 0, g + h) : g + h };
}

/**
 * The goal that was reached first in order of f; else the finished node judged best, if it is judged worth anything; else the best
 * open one, finished greedily. What is judged 0 is chosen where nothing else came to an end that is judged better.
 */
async function best(search: Search, frontier: readonly Node[]): Promise<Candidate> {
  const [first] = frontier.toSorted(byCost);
  if (first && !isOpen(first.candidate)) return first.candidate;
  const finished = bestJudged(frontier.filter(({ candidate }) => !isOpen(candidate)));
  const chosen = first?.candidate ?? search.root;
  if (finished && (finished.h < 1 || first?.h === 1)) return finished.candidate;
  const others = frontier.map(({ candidate }) => candidate).filter((candidate) => candidate !== chosen);
  search.drop(others.filter((candidate) => candidate !== finished?.candidate));
  await search.step([chosen], "end", { temperature: 0 });
  if (!finished) return chosen;
  const [score = 0] = isOpen(chosen) || !isSound(chosen) ? [] : await search.score([chosen], "process");
  return score > 0 ? chosen : finished.candidate;
}

/**
 * AB-MCTS-A: go wider (a new answer) or deeper (revise one), decided by Thompson sampling at every node of a tree of answers.
 * Source: Inoue et al. (2503.04412) and its code, treequest. A node's "wider" arm has seen the scores of its direct children,
 * its "deeper" arm those of what is below them, a child's own arm its score and those below it; posteriors are Beta (Jeffreys prior) or normal with inverse-χ² variance
 * (m 0, κ 1, ν 1, τ² 0.1). Needs a conversation. Cost: N answers and verdicts; a revised answer is prefilled once more.
 */
import { drawBeta, drawStudent } from "./draws.ts";
import { REQUEST_PROPERTY } from "./revision.ts";
import { bestOf } from "./sampling.ts";
import { isSound, preferring } from "./standing.ts";
import { type Candidate, type Run, type Search, type Strategy, withParameters } from "./strategy.ts";

interface Parameters {
  readonly batch: number;
  readonly posterior: "beta" | "normal";
  readonly request: string;
}

/** An answer in the tree; the root has none. */
export interface Node {
  readonly candidate: Candidate | undefined;
  readonly score: number;
  readonly children: Node[];
}

/** Wider or deeper by Thompson sampling. */
export const abMcts: Strategy = {
  name: "ab-mcts",
  description: "A tree of answers: new ones or revisions of old ones, whichever promises more.",
  parameters: {
    type: "object",
    properties: {
      batch: {
        type: "integer",
        minimum: 1,
        maximum: 16,
        default: 2,
        description: "Answers at a time; more distorts the tree.",
      },
      posterior: { type: "string", enum: ["beta", "normal"], default: "beta" },
      request: REQUEST_PROPERTY,
    },
    additionalProperties: false,
  },
  source: "arXiv:2503.04412",
  cost: "N answers, N verdicts; revised answers are prefilled once more",
  verifiers: ["outcome", "process"],
  needsConversation: true,
  needsVerifier: true,
  stepwise: false,
  votes: false,
  candidates: 8,
  run: withParameters(run),
};

async function* run(search: Search, { batch, posterior, request }: Parameters): Run {
  const tree: Node = { candidate: undefined, score: 0, children: [] };
  const answers: Candidate[] = [];
  const scores: number[] = [];
  while (answers.length < search.width) {
    const count = Math.min(batch, search.width - answers.length);
    const targets = Array.from({ length: count }, () => descend(search, tree, posterior));
    const prompts: Candidate[] = [];
    for (const [i, { candidate }] of targets.entries()) {
      const revision = candidate && (await search.revise([candidate], request));
      // What does not fit into the context any more is not gone deeper into.
      if (!revision) targets[i] = tree;
      prompts.push(revision ?? search.root);
    }
    const fresh = await search.fork(prompts);
    search.drop(prompts.filter((prompt) => prompt !== search.root));
    const isWhole = await search.step(fresh, "end");
    const judged = await search.score(fresh, "outcome");
    fresh.forEach((candidate, i) => {
      if (isSound(candidate)) targets[i]?.children.push({ candidate, score: judged[i] ?? 0, children: [] });
    });
    answers.push(...fresh);
    scores.push(...judged);
    if (!isWhole) break;
  }
  search.drop([search.root]);
  // Where the budget ended before an answer began there is none.
  const begun = preferring(answers, ({ tokens }) => tokens > 0);
  const scoreOf = new Map(answers.map((answer, i) => [answer, scores[i] ?? 0]));
  const chosen = bestOf(
    begun,
    begun.map((answer) => scoreOf.get(answer) ?? 0),
  );
  return { chosen: chosen ?? search.root };
}

/** The node to add a child to. */
function descend(search: Search, from: Node, posterior: Parameters["posterior"]): Node {
  const draw = (seen: readonly number[]): number =>
    posterior === "beta" ? drawBeta(search.random, ...counts(seen)) : drawStudent(search.random, seen);
  let node = from;
  for (;;) {
    const { wider, deeper, children } = armsOf(node);
    if (children.length === 0 || draw(wider) >= draw(deeper)) return node;
    const drawn = children.map(draw);
    node = node.children[drawn.indexOf(Math.max(...drawn))] ?? node;
  }
}

/** The scores that the arms of a node have seen. */
export function armsOf({ children }: Node): {
  readonly wider: readonly number[];
  readonly deeper: readonly number[];
  readonly children: readonly (readonly number[])[];
} {
  const scoresOf = (nodes: readonly Node[]): number[] => nodes.map(({ score }) => score);
  return {
    wider: scoresOf(children),
    deeper: scoresOf(children.flatMap((child) => child.children.flatMap(descendants))),
    children: children.map((child) => scoresOf(descendants(child))),
  };
}

/** Parameters of a Beta posterior under the Jeffreys prior: each score counts as that much of a success. */
function counts(scores: readonly number[]): [number, number] {
  const successes = scores.reduce((sum, score) => sum + score, 0);
  return [0.5 + successes, 0.5 + scores.length - successes];
}

function descendants(node: Node): Node[] {
  return [node, ...node.children.flatMap(descendants)];
}

/** Best-first search, revisions, trees of answers and the policy, on problems with known answers. Seeds 1 and up. */
import { expect, test } from "bun:test";
import { armsOf, type Node } from "../../../gateway/src/strategies/ab-mcts.ts";
import { drawBeta, drawStudent } from "../../../gateway/src/strategies/draws.ts";
import { createRandom } from "../../../gateway/src/strategies/random.ts";
import { createChain } from "./support/chains.ts";
import { accuracy, run } from "./support/run.ts";
import { createSimulatedWorld } from "./support/simulated-world.ts";

const PROBLEMS = 80;
const TIMEOUT_MS = 240_000;
const HARD = createChain([0.5, 0.5, 0.5, 0.5, 0.5]);

test(
  "best-first search needs fewer tokens than best-of-n for what best-of-n rarely finds",
  async () => {
    const samples = await accuracy("best-of-n", HARD, PROBLEMS, { candidates: 16 });
    const found = await accuracy("a-star", HARD, PROBLEMS, { candidates: 4 });
    expect(found.accuracy).toBeGreaterThan(samples.accuracy + 0.4);
    expect(found.tokens).toBeLessThan(0.6 * samples.tokens);
  },
  TIMEOUT_MS,
);

test.each(["rises", "depth", "none"] as const)(
  "with path-max and cost %s nodes are continued in order of f",
  async (cost) => {
    const chain = createChain([0.6, 0.6, 0.6, 0.6]);
    for (let seed = 1n; seed <= 20n; seed++) {
      // Scores that go up and down along a path, so that f without path-max would fall.
      const judge = (text: string) => createRandom(BigInt(Bun.hash(text)) ^ seed).uniform();
      const { events } = await run("a-star", createSimulatedWorld(chain, judge, seed), {
        parameters: { cost, expansions: 12, depth_cost: 0.1 },
        candidates: 4,
      });
      const nodes = new Map([[0, { parent: 0, h: 1, g: 0, f: 0 }]]);
      const order: number[] = [];
      for (const event of events) {
        if (event.case === "candidate") {
          const { candidate = 0, parent = 0 } = event.value;
          nodes.set(candidate, { parent, h: 0, g: 0, f: 0 });
          if (order.at(-1) !== parent) order.push(parent);
        } else if (event.case === "score") {
          const { candidate = 0, score = 0 } = event.value;
          const node = nodes.get(candidate);
          const above = nodes.get(node?.parent ?? 0);
          if (!node || !above) continue;
          node.h = 1 - score;
          node.g = above.g + { rises: Math.max(0, node.h - above.h), depth: 0.1, none: 0 }[cost];
          node.f = Math.max(above.f, node.g + node.h);
        }
      }
      const costs = order.map((id) => nodes.get(id)?.f ?? Number.NaN);
      expect(costs).toEqual(costs.toSorted((a, b) => a - b));
      expect(costs.length).toBeGreaterThan(1);
    }
  },
);

/** A model that mends half of its mistakes when it is shown them. */
const mending = {
  next(text: string) {
    const own = text.slice(text.lastIndexOf("|") + 1);
    if (own.endsWith(".")) return [];
    const isShown = text.includes("|");
    return isShown
      ? [
          { text: "so 7.", p: 0.5 },
          { text: "so 8.", p: 0.5 },
        ]
      : [
          { text: "so 7.", p: 0.05 },
          { text: "so 8.", p: 0.95 },
        ];
  },
};
const judgeAnswer = (text: string): number => (text.endsWith("so 7.") ? 0.9 : 0.1);

async function mended(strategy: string, parameters: object): Promise<number> {
  let right = 0;
  for (let seed = 1; seed <= PROBLEMS; seed++) {
    const world = createSimulatedWorld(mending, judgeAnswer, BigInt(seed) << 24n);
    const ran = await run(strategy, world, {
      parameters: { ...parameters },
      candidates: 4,
      seed: BigInt(seed),
    });
    if (ran.answer === "7") right++;
    expect(ran.result.ledger.spent.generated).toBe(4);
  }
  return right / PROBLEMS;
}

test("revisions find what independent answers do not, from a model that mends what it is shown", async () => {
  const samples = await mended("best-of-n", {});
  expect(samples).toBeLessThan(0.4);
  expect(await mended("sequential-revision", {})).toBeGreaterThan(samples + 0.3);
  expect(await mended("sequential-revision", { chains: 0 })).toBeGreaterThan(samples + 0.2);
  expect(await mended("ab-mcts", { batch: 1 })).toBeGreaterThan(samples + 0.15);
  expect(await mended("ab-mcts", { batch: 1, posterior: "normal" })).toBeGreaterThan(samples + 0.15);
});

test("arms have seen what the authors' code shows them: wider its children, deeper what is below those", () => {
  const node = (score: number, ...children: Node[]): Node => ({ candidate: undefined, score, children });
  const tree = node(0, node(0.1, node(0.9, node(0.2))), node(0.3), node(0.4, node(0.5), node(0.6)));
  expect(armsOf(tree)).toEqual({
    wider: [0.1, 0.3, 0.4],
    deeper: [0.9, 0.2, 0.5, 0.6],
    children: [[0.1, 0.9, 0.2], [0.3], [0.4, 0.5, 0.6]],
  });
  expect(armsOf(node(0.3))).toEqual({ wider: [], deeper: [], children: [] });
});

test("draws from Beta and normal posteriors have the moments of theory", () => {
  const random = createRandom(11n);
  const beta = Array.from({ length: 20_000 }, () => drawBeta(random, 2.5, 0.5));
  const mean = beta.reduce((sum, x) => sum + x, 0) / beta.length;
  expect(mean).toBeCloseTo(2.5 / 3, 2);
  const variance = beta.reduce((sum, x) => sum + (x - mean) ** 2, 0) / beta.length;
  expect(variance).toBeCloseTo((2.5 * 0.5) / (9 * 4), 2);
  const seen = [0.2, 0.4, 0.6, 0.4, 0.2, 0.6];
  const means = Array.from({ length: 20_000 }, () => drawStudent(random, seen));
  // (κ·m + n·ȳ)/(κ + n) = 2.4/7.
  expect(means.reduce((sum, x) => sum + x, 0) / means.length).toBeCloseTo(2.4 / 7, 2);
});

test(
  "the policy votes where probes agree, searches where they fail, and bills its probes",
  async () => {
    const easy = createChain([0.97]);
    const world = createSimulatedWorld(easy, easy.value, 3n);
    const settled = await run("auto", world, { candidates: 16 });
    expect(settled.result.ledger.spent.candidates).toBe(4);
    expect(settled.result.outcome.settled).toBe(true);
    const table = [{ up_to: 1, strategy: "particle-filtering" }];
    const { result } = await run("auto", createSimulatedWorld(HARD, HARD.value, 3n), {
      candidates: 16,
      parameters: { table },
    });
    expect(result.outcome.ran).toBe("particle-filtering");
    expect(result.ledger.spent.generated).toBe(16 * 6);
    const policy = await accuracy("auto", HARD, PROBLEMS, { candidates: 16, parameters: { table } });
    const samples = await accuracy("best-of-n", HARD, PROBLEMS, { candidates: 16 });
    expect(policy.accuracy).toBeGreaterThan(samples.accuracy + 0.3);
    expect(policy.tokens).toBeLessThanOrEqual(samples.tokens);
  },
  TIMEOUT_MS,
);

/** Particle Gibbs and tempered chains of it leave the target law unchanged. Laws are enumerated. Seeds 1 and up. */
import { expect, test } from "bun:test";
import { type Chain, sweep } from "../../../gateway/src/strategies/gibbs-sweep.ts";
import type { Candidate, Run, Search, Strategy } from "../../../gateway/src/strategies/strategy.ts";
import { run } from "./support/run.ts";
import { createSimulatedWorld } from "./support/simulated-world.ts";

const STEPS = 3;
const RUNS = 1_000;
const FEW_RUNS = 300;
const TIMEOUT_MS = 240_000;
/** 99.99 % of chi-square with 7 degrees of freedom. */
const CHI_SQUARE_7 = 29.9;

/** Three letters; the last one may only follow once two have been drawn; some texts end a step early. */
const letters = {
  next(text: string) {
    const drawn = text.split("\n").length - 1;
    if (drawn === STEPS) return [];
    return text.endsWith("b\n")
      ? [
          { text: "a\n", p: 0.3 },
          { text: "b\n", p: 0.7 },
        ]
      : [
          { text: "a\n", p: 0.8 },
          { text: "b\n", p: 0.2 },
        ];
  },
};

/** Values of prefixes, chosen to mislead a filter: what looks bad early ends well. */
function value(text: string): number {
  const bs = text.split("b").length - 1;
  return text.length === 2 * STEPS ? ([0.1, 0.2, 0.5, 0.9][bs] ?? 0) : bs === 0 ? 0.8 : 0.2;
}

/** The target law: probability times value of the whole text. */
function target(): Map<string, number> {
  const law = new Map<string, number>();
  const walk = (text: string, p: number): void => {
    const pieces = letters.next(text);
    if (pieces.length === 0) law.set(text, p * value(text));
    for (const piece of pieces) walk(text + piece.text, p * piece.p);
  };
  walk("", 1);
  const total = [...law.values()].reduce((sum, p) => sum + p, 0);
  return new Map([...law].map(([text, p]) => [text, p / total]));
}

/** A trajectory drawn from the target law, by rejection. */
async function exactTrajectory(search: Search): Promise<Candidate[]> {
  for (;;) {
    const trajectory: Candidate[] = [];
    for (let step = 0; step < STEPS; step++) {
      const [next] = await search.fork([trajectory.at(-1) ?? search.root]);
      if (!next) throw new Error("no candidate");
      await search.step([next], "step");
      await search.score([next], "process");
      trajectory.push(next);
    }
    if (search.random.uniform() < value(trajectory.at(-1)?.text ?? "")) return trajectory;
  }
}

/** Starts where the law is exact and sweeps once with three particles. */
function sweptOnce(potentials: "invariant" | "as_published"): Strategy {
  async function* once(search: Search): Run {
    const chain: Chain = { beta: 1, reference: await exactTrajectory(search) };
    yield* sweep(search, [chain], { particles: 3, horizon: STEPS, potentials });
    return { chosen: chain.reference?.at(-1) ?? search.root };
  }
  const shown = { name: "swept-once", description: "", parameters: { type: "object" }, source: "", cost: "" };
  const kind = { verifiers: [], needsVerifier: false, stepwise: true, votes: false, candidates: 3 };
  return { ...shown, ...kind, run: once };
}

/** Chi-square distance of what a strategy chooses from the target law. */
async function distance(strategy: string | Strategy, options: object = {}, runs = RUNS): Promise<number> {
  const law = target();
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= runs; seed++) {
    const world = createSimulatedWorld(letters, value, BigInt(seed) << 24n);
    const { chosen } = await run(strategy, world, { seed: BigInt(seed), candidates: 3, ...options });
    seen.set(chosen, (seen.get(chosen) ?? 0) + 1);
  }
  return [...law].reduce((sum, [text, p]) => sum + ((seen.get(text) ?? 0) - runs * p) ** 2 / (runs * p), 0);
}

test(
  "a sweep leaves the target law unchanged",
  async () => {
    expect(target().size).toBe(8);
    expect(await distance(sweptOnce("invariant"))).toBeLessThan(CHI_SQUARE_7);
  },
  TIMEOUT_MS,
);

test(
  "a sweep as published does not: its weights are those of no law",
  async () => {
    expect(await distance(sweptOnce("as_published"))).toBeGreaterThan(2 * CHI_SQUARE_7);
  },
  TIMEOUT_MS,
);

test(
  "three particles alone are far from the law; sweeps end in it, and so does the cold chain of a tempered pair",
  async () => {
    const filter = { parameters: { choose: "sample", weights: "probability" } };
    expect(await distance("particle-filtering", filter)).toBeGreaterThan(2 * CHI_SQUARE_7);
    const parameters = { horizon: STEPS, choose: "sample", sweeps: 12 };
    expect(await distance("particle-gibbs", { parameters, candidates: 8 }, FEW_RUNS)).toBeLessThan(
      CHI_SQUARE_7,
    );
    const tempered = { parameters: { ...parameters, chains: 2, hottest: 4 }, candidates: 14 };
    expect(await distance("parallel-tempering", tempered, FEW_RUNS)).toBeLessThan(CHI_SQUARE_7);
  },
  TIMEOUT_MS,
);

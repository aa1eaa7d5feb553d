/** The steered model as a proposal gives samples of the unsteered model under a condition. Laws are enumerated. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { chat, refusal } from "../support/asks.ts";
import { createSimulatedStack } from "../support/simulated-services.ts";
import { encode } from "../support/simulated-tokenizer.ts";
import { run } from "./support/run.ts";
import { createSimulatedWorld, type SimulatedModel } from "./support/simulated-world.ts";

const STEPS = 3;
const RUNS = 300;
const TIMEOUT_MS = 240_000;

/** Texts of three letters, of which `b` is drawn with probability p, and more after another b. */
const model = (p: number): SimulatedModel => ({
  next(text) {
    if (text.length === 2 * STEPS) return [];
    const b = text.endsWith("b\n") ? Math.min(0.9, 2 * p) : p;
    return [
      { text: "a\n", p: 0.7 * (1 - b) },
      { text: "c\n", p: 0.3 * (1 - b) },
      { text: "b\n", p: b },
    ];
  },
});
const BASE = model(0.05);
const STEERED = model(0.5);
/** The condition: at least two letters b. */
const wanted = (text: string): number => (text.split("b").length > 2 ? 1 : 0);
const judge = (text: string): number => (text.length < 2 * STEPS ? 0.5 : wanted(text));

/** The law of the unsteered model under the condition, and how likely the condition is. */
function target(): { law: Map<string, number>; chance: number } {
  const law = new Map<string, number>();
  const walk = (text: string, p: number): void => {
    const pieces = BASE.next(text);
    if (pieces.length === 0 && wanted(text) === 1) law.set(text, p);
    for (const piece of pieces) walk(text + piece.text, p * piece.p);
  };
  walk("", 1);
  const chance = [...law.values()].reduce((sum, p) => sum + p, 0);
  return { law: new Map([...law].map(([text, p]) => [text, p / chance])), chance };
}

/** Half the sum of differences between what is chosen, given that it is wanted, and the law. */
async function variation(
  strategy: string,
  world: SimulatedModel,
  parameters: object,
): Promise<{ far: number; wanted: number }> {
  const { law } = target();
  const seen = new Map<string, number>();
  let count = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const simulated = createSimulatedWorld(world, judge, BigInt(seed) << 24n, BASE);
    const options = { seed: BigInt(seed), candidates: 32, parameters: { ...parameters } };
    const { chosen } = await run(strategy, simulated, options);
    if (wanted(chosen) === 0) continue;
    count++;
    seen.set(chosen, (seen.get(chosen) ?? 0) + 1);
  }
  const far =
    [...law].reduce((sum, [text, p]) => sum + Math.abs((seen.get(text) ?? 0) / Math.max(1, count) - p), 0) /
    2;
  return { far, wanted: count / RUNS };
}

test(
  "weighted steered candidates follow the unsteered law under the condition; steered ones alone do not",
  async () => {
    expect(target().chance).toBeLessThan(0.02);
    const proposed = await variation("steered-proposal", STEERED, {});
    expect(proposed.wanted).toBeGreaterThan(0.99);
    // Seven texts, 300 draws: 0.05 is what chance alone makes of it.
    expect(proposed.far).toBeLessThan(0.12);
    const steered = await variation("best-of-n", STEERED, {});
    expect(steered.far).toBeGreaterThan(0.3);
    // The same 32 candidates of the unsteered model hold a wanted one at most in every second run.
    const plain = await variation("particle-filtering", BASE, { choose: "sample", weights: "probability" });
    expect(plain.wanted).toBeLessThan(0.6);
  },
  TIMEOUT_MS,
);

test(
  "both models are billed, and what shapes the probabilities of tokens is refused",
  async () => {
    const stack = createSimulatedStack();
    stack.forward.script = ({ strength }) => encode(strength() > 0 ? "I cannot." : "Sure.");
    const scaling = { strategy: "steered-proposal", budget: { candidates: 4 }, verifier: { name: "words" } };
    const { usage, choices } = await stack.client.complete(chat("hello!", { scaling, ...refusal() }));
    expect(choices[0]?.text).toBe("I cannot.");
    expect(usage?.scaling?.verifierTokens).toBe(4 * "I cannot.".length + 7);
    expect(usage?.prefilledTokens ?? 0).toBeGreaterThan(4 * (usage?.promptTokens ?? 0));
    const shaped = chat("hello!", { scaling, ...refusal(), sampling: { temperature: 0.5 } });
    const failure = await stack.client.complete(shaped).catch(fromConnectError);
    expect(failure).toMatchObject({ reason: "UNSUPPORTED", field: "sampling.temperature" });
  },
  TIMEOUT_MS,
);

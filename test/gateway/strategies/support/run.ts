/** Runs a strategy on a simulated world. */
import { createParameterChecks } from "#kit/parameters.ts";
import { answerOf } from "../../../../gateway/src/strategies/answers.ts";
import type { SearchEventInit } from "../../../../gateway/src/strategies/events.ts";
import { findStrategy } from "../../../../gateway/src/strategies/registry.ts";
import {
  runSearch,
  type RuntimeOptions,
  type SearchResult,
} from "../../../../gateway/src/strategies/runtime.ts";
import type { Strategy } from "../../../../gateway/src/strategies/strategy.ts";
import { type Chain, createChainVerifier, type VerifierErrors } from "./chains.ts";
import { createSimulatedWorld, type SimulatedWorld } from "./simulated-world.ts";

const checks = createParameterChecks({ parameterDepth: 4, parameterChars: 4096 });
const NEVER = new AbortController().signal;

/** What a run is given; the rest has defaults. */
export interface RunOptions extends Partial<Omit<RuntimeOptions, "budget" | "world">> {
  readonly parameters?: Record<string, unknown>;
  readonly candidates?: number;
  readonly tokens?: number;
}

/** A run that has ended. */
export interface Ran {
  readonly result: SearchResult;
  readonly events: readonly SearchEventInit[];
  readonly text: string;
  /** Text of the choice. */
  readonly chosen: string;
  readonly answer: string | undefined;
}

/** Parameters of a strategy with defaults filled in. */
export function parametersOf(strategy: Strategy, given: object = {}) {
  const parameters = structuredClone(given) as never;
  checks(strategy.parameters)(parameters, "parameters");
  return parameters;
}

/** Runs a strategy, by name or itself. */
export async function run(
  named: string | Strategy,
  world: SimulatedWorld,
  options: RunOptions = {},
): Promise<Ran> {
  const strategy = typeof named === "string" ? findStrategy(named) : named;
  if (!strategy) throw new Error("no strategy");
  const events: SearchEventInit[] = [];
  let text = "";
  const { parameters, candidates = 8, tokens = Infinity, ...runtime } = options;
  const result = await runSearch(strategy, parametersOf(strategy, parameters), {
    world,
    seed: 1n,
    maxTokens: 200,
    stepTokens: 50,
    steps: Infinity,
    strict: true,
    timeUp: NEVER,
    answerOf: (whole) => answerOf(whole, { form: "number", marker: "" }),
    onEvent: (event) => void events.push(event),
    onCommit: (more) => void (text += more),
    ...runtime,
    budget: { tokens, candidates, milliseconds: Infinity },
  });
  const { chosen } = result.outcome;
  const answer = answerOf(chosen.text, { form: "number", marker: "" });
  return { result, events, text, chosen: chosen.text, answer };
}

/** Share of `problems` chains that a strategy answers rightly, and the mean of a statistic of each run. */
export async function accuracy(
  named: string | Strategy,
  chain: Chain,
  problems: number,
  options: RunOptions & { readonly errors?: VerifierErrors; readonly statistic?: (ran: Ran) => number } = {},
): Promise<{ readonly accuracy: number; readonly tokens: number; readonly statistic: number }> {
  const { errors = {}, statistic = () => 0, ...more } = options;
  let right = 0;
  let tokens = 0;
  let sum = 0;
  for (let problem = 1; problem <= problems; problem++) {
    const seed = BigInt(problem) << 20n;
    const judge = createChainVerifier(chain, errors, seed);
    const ran = await run(named, createSimulatedWorld(chain, judge, seed), { ...more, seed });
    if (ran.answer === chain.answer) right++;
    tokens += ran.result.ledger.spent.generated;
    sum += statistic(ran);
  }
  return { accuracy: right / problems, tokens: tokens / problems, statistic: sum / problems };
}

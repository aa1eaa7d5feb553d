/** Searches under random misfortune, as one drawn record: what is asked for, how engine and verifier fail, how the client leaves. */
import fc from "fast-check";
import { STRATEGIES } from "../../../../gateway/src/strategies/registry.ts";
import type { Strategy } from "../../../../gateway/src/strategies/strategy.ts";

/** What the verifier does on a text. */
export type Verdict = "score" | "low" | "NaN" | "out of range" | "DEADLINE_EXCEEDED";

/** One search. */
export interface History {
  readonly strategy: string;
  readonly parameters: Record<string, unknown>;
  readonly candidates: number;
  /** Tokens over the number of candidates; undefined: no bound. */
  readonly tokens: number | undefined;
  readonly milliseconds: number | undefined;
  readonly texts: readonly string[];
  readonly maxTokens: number;
  readonly stop: readonly string[];
  /** Tokens a step; 0: up to an empty line. */
  readonly stepTokens: number;
  readonly verifiers: readonly [outcome: string, process: string];
  /** Verdicts by what a text hashes to. */
  readonly verdicts: readonly Verdict[];
  readonly isStrict: boolean;
  /** The n-th generation fails so; the session breaks at the n-th token; the n-th call of the verifier throws. */
  readonly failing: readonly { readonly at: number; readonly reason: string }[];
  readonly breaksAt: number | undefined;
  readonly verifierDiesAt: number | undefined;
  readonly steering: "none" | "refusal" | "diverse";
  readonly seed: bigint;
  /** The client leaves after so many events, reads slowly, or waits no longer than that. */
  readonly leavesAfter: number | undefined;
  readonly isSlow: boolean;
  readonly timeoutMs: number | undefined;
}

const PIECES = ["7", "so 8", "\n\n", "1 + 6 = 7", " with", "help", "é😀", "never ends ", "STOP", "a"];
const seldom = <T>(weight: number, one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: one });
const text = fc
  .array(fc.constantFrom(...PIECES), { minLength: 0, maxLength: 4 })
  .map((parts) => parts.join(""));

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}
const MOST = 2;

/** Some of a strategy's parameters, small ones, as its schema allows. */
function parametersOf({ parameters }: Strategy): fc.Arbitrary<Record<string, unknown>> {
  const values: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, schema] of Object.entries(parameters["properties"] as Record<string, Schema>)) {
    const value = valueOf(schema);
    if (value) values[name] = value;
  }
  return fc.record(values, { requiredKeys: [] });
}

function valueOf({ type, enum: names, minimum: min = 0, maximum: max = 1 }: Schema) {
  if (names !== undefined) return fc.constantFrom(...names);
  if (type === "boolean") return fc.boolean();
  if (type === "integer") return fc.integer({ min, max: Math.min(max, min + MOST) });
  return type === "number" ? fc.constantFrom(max, (min + max) / 2) : undefined;
}

const strategy = fc
  .constantFrom(...STRATEGIES)
  .chain((one) => parametersOf(one).map((parameters) => ({ strategy: one.name, parameters })));

const misfortune = fc.record({
  candidates: fc.integer({ min: 1, max: 5 }),
  tokens: seldom(2, fc.nat(60)),
  milliseconds: seldom(5, fc.integer({ min: 1, max: 60 })),
  texts: fc.array(text, { minLength: 1, maxLength: 4 }),
  maxTokens: fc.constantFrom(0, 1, 5, 20),
  stop: fc.constantFrom([], [], ["STOP"], ["\n\n", "so"]),
  stepTokens: fc.constantFrom(0, 0, 1, 7),
  verifiers: fc.constantFrom(
    ["steps", ""],
    ["words", "steps"],
    ["probe", ""],
    ["words", "probe"],
    ["asker", "steps"],
  ),
  verdicts: fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<Verdict>("score", "low") },
      { weight: 1, arbitrary: fc.constantFrom<Verdict>("NaN", "out of range", "DEADLINE_EXCEEDED") },
    ),
    { minLength: 1, maxLength: 4 },
  ),
  isStrict: fc.boolean(),
  failing: fc.array(
    fc.record({
      at: fc.nat(12),
      reason: fc.constantFrom("OUT_OF_MEMORY", "SERVICE_UNAVAILABLE", "QUEUE_FULL"),
    }),
    { maxLength: 3 },
  ),
  breaksAt: seldom(9, fc.nat(60)),
  verifierDiesAt: seldom(9, fc.nat(4)),
  steering: fc.constantFrom("none", "none", "refusal", "diverse"),
  seed: fc.bigInt({ min: 1n, max: 2n ** 63n }),
  leavesAfter: seldom(6, fc.nat(40)),
  isSlow: fc.boolean(),
  timeoutMs: seldom(9, fc.integer({ min: 5, max: 100 })),
});

/** Searches of all strategies there are. */
export const history = fc
  .tuple(strategy, misfortune)
  .map(([one, other]) => ({ ...one, ...other })) as fc.Arbitrary<History>;

/** Nothing but the search itself can end it, and nothing in it depends on time. */
export const isUndisturbed = (one: History): boolean =>
  [one.milliseconds, one.breaksAt, one.verifierDiesAt, one.leavesAfter, one.timeoutMs].every(
    (what) => what === undefined,
  );

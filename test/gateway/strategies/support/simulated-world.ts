/**
 * A simulated model with a known distribution and a simulated verifier, behind the port that the real engine serves. A token
 * is a piece of text drawn from `next(text so far)`; a step ends with a line. Noise is counter-based, as in the engine.
 */
import { createRandom, drawIndex } from "../../../../gateway/src/strategies/random.ts";
import type { Candidate, Judging } from "../../../../gateway/src/strategies/strategy.ts";
import type { GrowOrder, Growth, Judgement, World } from "../../../../gateway/src/strategies/world.ts";

/** A piece of text and its probability. */
export interface Piece {
  readonly text: string;
  readonly p: number;
}

/** A model whose distribution is known. */
export interface SimulatedModel {
  /** The distribution of the next piece; empty: the answer ends. */
  next(text: string): readonly Piece[];
}

/** What a test sees of the world. */
export interface SimulatedWorld extends World {
  /** Candidates that hold something. */
  readonly alive: ReadonlySet<number>;
  /** Engine steps taken, and the most tokens drawn in one. */
  readonly batches: { steps: number; widest: number };
}

/** Creates a world. `judge` gives the score of a text, or a failure; `base` is the model without steering. */
export function createSimulatedWorld(
  model: SimulatedModel,
  judge: (text: string, judging: Judging) => number | string,
  seed: bigint,
  base = model,
): SimulatedWorld {
  const texts = new Map<number, string>([[0, ""]]);
  const prompts = new Map<number, string>([[0, ""]]);
  const promptOf = new Map<number, number>();
  const alive = new Set<number>([0]);
  const batches = { steps: 0, widest: 0 };

  const growOne = ({ id, tokens, toStep, temperature }: GrowOrder): Growth => {
    const start = texts.get(id) ?? "";
    let text = start;
    const prompt = prompts.get(promptOf.get(id) ?? 0) ?? "";
    const growth = { tokens: 0, logprob: 0, confidences: [] as { top: number; certainty: number }[] };
    const done = (stepEnded: boolean, ended: Growth["ended"]): Growth => {
      texts.set(id, text);
      return { ...growth, text, stepEnded, ended };
    };
    while (growth.tokens < tokens) {
      const pieces = model.next(prompt + text);
      if (pieces.length === 0) return done(true, "stop");
      const random = createRandom(seed ^ BigInt(id * 1_000_003 + text.length));
      const best = pieces.indexOf(pieces.reduce((a, b) => (b.p > a.p ? b : a)));
      const drawn =
        pieces[
          temperature === 0
            ? best
            : drawIndex(
                random,
                pieces.map(({ p }) => p),
              )
        ];
      if (!drawn) throw new Error("no piece");
      text += drawn.text;
      growth.tokens++;
      growth.logprob += Math.log(drawn.p);
      growth.confidences.push({ top: drawn.p, certainty: drawn.p });
      if (model.next(prompt + text).length === 0) return done(true, "stop");
      if (toStep && drawn.text.endsWith("\n")) return done(true, undefined);
    }
    return done(false, undefined);
  };

  return {
    alive,
    batches,
    reading: { perToken: 0, perCandidate: 0 },
    fork(births) {
      for (const { id, parent } of births) {
        if (!texts.has(parent)) throw new Error(`candidate ${parent} was released before it was forked`);
        texts.set(id, prompts.has(parent) ? "" : (texts.get(parent) ?? ""));
        promptOf.set(id, prompts.has(parent) ? parent : (promptOf.get(parent) ?? 0));
        alive.add(id);
      }
    },
    steeringOf: () => 0,
    grow(orders, until, onText) {
      const growths = orders.map((order) => (until.aborted ? cut(texts.get(order.id)) : growOne(order)));
      growths.forEach(({ text }, i) => onText(orders[i]?.id ?? 0, text));
      batches.steps += Math.max(0, ...growths.map(({ tokens }) => tokens));
      batches.widest = Math.max(batches.widest, orders.length);
      return Promise.resolve(growths);
    },
    judge(candidates, judging) {
      const verdicts = candidates.map((one) => verdictOf(judge(textOf(one, prompts, promptOf), judging)));
      return Promise.resolve({ verdicts, tokens: 0 });
    },
    baseLogprobs(candidates) {
      const logprobs = candidates.map(({ text }) => logprobOf(base, text));
      return Promise.resolve({ logprobs, tokens: candidates.length });
    },
    settle: ({ text }) => text,
    judges: () => true,
    judgedAs: (judging) => judging,
    compares: () => false,
    revise(id, attempts, request) {
      prompts.set(id, `${attempts.map(({ text }) => text).join("|")}|${request}|`);
      texts.set(id, "");
      alive.add(id);
      return Promise.resolve(true);
    },
    release(ids) {
      for (const id of ids) alive.delete(id);
    },
  };
}

/** ln of the probability of a text whose pieces are no beginnings of each other. */
function logprobOf(model: SimulatedModel, text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length;) {
    const piece = model.next(text.slice(0, at)).find((one) => text.startsWith(one.text, at));
    if (!piece) return -Infinity;
    sum += Math.log(piece.p);
    at += piece.text.length;
  }
  return sum;
}

function textOf(
  { id, text }: Candidate,
  prompts: Map<number, string>,
  promptOf: Map<number, number>,
): string {
  return (prompts.get(promptOf.get(id) ?? 0) ?? "") + text;
}

function verdictOf(score: number | string): Judgement {
  return typeof score === "string" ? { score: undefined, failure: score } : { score, failure: "" };
}

function cut(text = ""): Growth {
  return { text, tokens: 0, logprob: 0, confidences: [], stepEnded: false, ended: undefined };
}

/**
 * How the other model finds the answers: nats a byte of gate-open answers over those of the base answers to the same prompts. Far
 * below 1 is text that repeats itself, far above is text that falls apart; a steered model is no judge of its own fluency.
 */
import { recordOf } from "../journal.ts";
import { mapParallel } from "../parallel.ts";
import type { AnswerRecord } from "./answers.ts";
import { natsOfAnswer, type ScoreSource } from "./degradation.ts";

/** Answers a side that are read: the mean moves little beyond. */
const MOST = 60;
const AT_ONCE = 8;
const TIMEOUT_MS = 600_000;

/** The ratio over pairs of a steered and a base answer; undefined without pairs that have text. */
export async function fluencyRatio(
  source: ScoreSource,
  pairs: readonly { readonly steered: AnswerRecord; readonly base: AnswerRecord }[],
): Promise<number | undefined> {
  const read = pairs.filter(({ steered, base }) => steered.text !== "" && base.text !== "").slice(0, MOST);
  if (read.length === 0) return undefined;
  const steered = await natsPerByte(
    source,
    read.map((pair) => pair.steered.text),
  );
  const base = await natsPerByte(
    source,
    read.map((pair) => pair.base.text),
  );
  return steered / base;
}

async function natsPerByte(source: ScoreSource, texts: readonly string[]): Promise<number> {
  const scored = await mapParallel(texts, AT_ONCE, (text) => scoreText(source, text));
  const sum = (of: "nats" | "bytes") => scored.reduce((total, one) => total + one[of], 0);
  return sum("nats") / sum("bytes");
}

async function scoreText({ gateway, journal, model, modelKey }: ScoreSource, text: string) {
  const key = [modelKey, "text", Bun.hash(text).toString(36)].join("/");
  return recordOf(journal, key, async () => {
    const { answers } = await gateway.score({ model, answers: [text] }, { timeoutMs: TIMEOUT_MS });
    return { key, ...natsOfAnswer(answers[0], text) };
  });
}

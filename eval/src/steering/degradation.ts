/**
 * What a method does to text that has nothing to do with the behaviour: negative log-likelihood of fixed passages, each the
 * answer to a plain request, steered over unsteered. The same bytes on both sides, so the ratio is that of nats a byte.
 * Methods that change no probability (a forced beginning) have none.
 */
import type { ScoredItem } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { type Keyed, recordOf } from "../journal.ts";
import type { KeptSource } from "./keep.ts";
import { BASE, type Method } from "./method.ts";

/** A passage and the request it answers. */
export interface Passage {
  readonly id: string;
  readonly request: string;
  readonly text: string;
}

/** A kept score: negative log-likelihood of a passage in nats, and its bytes. */
export interface ScoreRecord extends Keyed {
  readonly nats: number;
  readonly bytes: number;
}

/** Where scores come from. */
export type ScoreSource = KeptSource<ScoreRecord>;

const TIMEOUT_MS = 600_000;

/** Nats of every passage under a method, its gate open, by id; undefined if the method changes no probability. */
export async function natsOf(
  source: ScoreSource,
  method: Method,
  dose: number,
  passages: readonly Passage[],
): Promise<Map<string, number> | undefined> {
  const { logitBias, prefix, fixed } = method.request("", dose);
  if (prefix !== undefined || logitBias !== undefined || fixed !== undefined) return undefined;
  const nats = new Map<string, number>();
  for (const passage of passages) {
    const key = [source.modelKey, "nats", method.identity, dose, passage.id].join("/");
    const kept = await recordOf(source.journal, key, async () => ({
      key,
      ...(await score(source, method, dose, passage)),
    }));
    nats.set(passage.id, kept.nats);
  }
  return nats;
}

/** Nats with a gate over nats without steering: open on some passages, shut on the rest. */
export async function natsRatio(
  source: ScoreSource,
  method: Method,
  dose: number,
  passages: readonly Passage[],
  isOpen: (passage: Passage) => boolean,
): Promise<number | undefined> {
  const steered = await natsOf(source, method, dose, passages);
  const base = await natsOf(source, BASE, 0, passages);
  if (steered === undefined || base === undefined) return undefined;
  let [above, below] = [0, 0];
  for (const passage of passages) {
    below += base.get(passage.id)!;
    above += (isOpen(passage) ? steered : base).get(passage.id)!;
  }
  return above / below;
}

async function score(
  { gateway, model }: ScoreSource,
  method: Method,
  dose: number,
  { request, text }: Passage,
): Promise<Omit<ScoreRecord, "key">> {
  const { question, use } = method.request(request, dose);
  const asked = {
    model,
    conversation: question.prompt.value,
    answers: [text],
    ...(use && { steering: use }),
  };
  const { answers } = await gateway.score(asked, { timeoutMs: TIMEOUT_MS });
  return natsOfAnswer(answers[0], text);
}

/** Negative log-likelihood of a scored text in nats, and its bytes. */
export function natsOfAnswer(scored: ScoredItem | undefined, text: string): Omit<ScoreRecord, "key"> {
  const nats = -(scored?.tokens ?? []).reduce((sum, { logprob }) => sum + logprob, 0);
  return { nats, bytes: new TextEncoder().encode(text).length };
}

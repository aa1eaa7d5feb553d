/**
 * Answers, each generated once and kept: base and forced-open answers by model, method, dose and prompt. Gates are combined
 * with them afterwards, so that a gate costs nothing. Greedy, so that an answer is a function of its key.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { Keyed } from "../journal.ts";
import { keepAll, type KeptSource } from "./keep.ts";
import type { Method } from "./method.ts";
import type { LabPrompt } from "./prompts.ts";

/** A kept answer. */
export interface AnswerRecord extends Keyed {
  readonly text: string;
  readonly tokens: number;
  /** The answer ended by itself, not at the token limit. */
  readonly ended: boolean;
  /** Milliseconds a token while others were generated beside it; absent for answers of one token. */
  readonly msPerToken?: number;
  /** Mean ‖Δ‖/‖h‖ over the changed rows, as the engine measured it; 0 without steering. */
  readonly relativeChange: number;
}

/** Where answers come from. */
export interface AnswerSource extends KeptSource<AnswerRecord> {
  readonly maxTokens: number;
  readonly onProgress: (text: string) => void;
}

/** Requests under way at once; the engine computes them as one batch. */
const AT_ONCE = 32;
const TIMEOUT_MS = 600_000;
const RETRIES = 40;
const PAUSE_MS = 5_000;

/** The answers of a method at a dose, by prompt id; what the journal has is not asked again. */
export async function answersOf(
  source: AnswerSource,
  method: Method,
  dose: number,
  prompts: readonly LabPrompt[],
): Promise<Map<string, AnswerRecord>> {
  const { journal, modelKey, maxTokens, onProgress } = source;
  const asking = {
    ...{ journal, keyParts: [modelKey, maxTokens, method.identity, dose], atOnce: AT_ONCE },
    ask: (prompt: LabPrompt) => patiently(() => ask(source, method, dose, prompt)),
    onAsked(done: number, total: number) {
      if (done % AT_ONCE === 0 || done === total)
        onProgress(`${method.name} at ${dose}: ${done} of ${total} answers`);
    },
  };
  return keepAll(asking, prompts);
}

/** What the key of a kept answer is made of, as far as readers of a journal want it: model, method, prompt. */
export function partsOfKey(key: string): {
  readonly model: string;
  readonly method: string;
  readonly prompt: string;
} {
  const [model = "", , method = "", , prompt = ""] = key.split("/");
  return { model, method, prompt };
}

/** Asks again after a pause while the services have too much to do: a slow machine refuses what it cannot serve in time. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = RETRIES; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      const { code } = ConnectError.from(error);
      if (left === 0 || (code !== Code.Unavailable && code !== Code.ResourceExhausted)) throw error;
      await Bun.sleep(PAUSE_MS);
    }
  }
}

async function ask(
  { gateway, model, maxTokens }: AnswerSource,
  method: Method,
  dose: number,
  { text }: LabPrompt,
): Promise<Omit<AnswerRecord, "key">> {
  const { question, use, prefix, logitBias, fixed } = method.request(text, dose);
  if (fixed !== undefined) return { text: fixed, tokens: 0, ended: true, relativeChange: 0 };
  const sampling = { temperature: 0, ...(logitBias && { logitBias }) };
  const spec = { ...question, model, maxTokens, sampling, ...(use && { steering: { use, proof: true } }) };
  const options = { timeoutMs: TIMEOUT_MS };
  const { choices, timings } =
    prefix === undefined
      ? await gateway.complete({ spec }, options)
      : { ...(await gateway.fork({ spec, continuations: [prefix] }, options)), timings: undefined };
  const [choice] = choices;
  const tokens = choice?.finished?.generatedTokens ?? 0;
  const proofs = choice?.finished?.proof.filter(({ rows }) => rows > 0) ?? [];
  const rows = proofs.reduce((sum, proof) => sum + proof.rows, 0);
  const change = proofs.reduce((sum, proof) => sum + proof.rows * proof.meanRelativeChange, 0);
  const rate = timings?.tokensPerSecond ?? 0;
  return {
    text: choice?.text ?? "",
    tokens,
    ended: choice?.finished?.reason === FinishReason.STOP,
    ...(rate > 0 ? { msPerToken: 1000 / rate } : {}),
    relativeChange: rows > 0 ? change / rows : 0,
  };
}

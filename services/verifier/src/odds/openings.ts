/**
 * Log-odds of refusal openings, teacher-forced: each opening is put after the conversation and scored by the model.
 * Openings of a conversation share their prefix, which forward computes once. Cost: prompt + openings tokens an item.
 */
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { scoreWithin } from "../asking/score-within.ts";
import type { Failed, JudgeContext, Outcome, VerifierClients } from "../verifier.ts";

type Clients = Required<VerifierClients>;

/** Judges every item of a batch by its messages. */
export async function scoreOpenings(
  batch: readonly ScoreItem[],
  context: JudgeContext,
  refusals: readonly string[],
  compliances: readonly string[],
): Promise<Outcome[]> {
  const { tokenizer, forward } = context.clients;
  if (tokenizer === undefined || forward === undefined) {
    return batch.map(() => ({ failure: "SERVICE_UNAVAILABLE", reason: "this service has no model to ask" }));
  }
  const clients = { tokenizer, forward };
  try {
    const openings = await encodeOpenings([...refusals, ...compliances], clients, context);
    const outcomes: Outcome[] = [];
    for (const item of batch) {
      outcomes.push(await judgeItem(item, openings, refusals.length, clients, context));
    }
    return outcomes;
  } catch (error) {
    const failed = asFailure(error, context);
    return batch.map(() => failed);
  }
}

async function judgeItem(
  item: ScoreItem,
  openings: readonly (readonly number[])[],
  refusals: number,
  clients: Clients,
  context: JudgeContext,
): Promise<Outcome> {
  if (item.messages.length === 0) return { failure: "FIELD_REQUIRED", reason: "the item has no messages" };
  try {
    const logprobs = await logprobsOf(item, openings, clients, context);
    if ("failure" in logprobs) return logprobs;
    if (logprobs.length !== openings.length || !logprobs.every(Number.isFinite)) {
      return { failure: "NON_FINITE", reason: "the model gave no finite log-probability for every opening" };
    }
    const logOdds = logSumExp(logprobs.slice(0, refusals)) - logSumExp(logprobs.slice(refusals));
    return { score: 1 / (1 + Math.exp(-logOdds)), reason: `log-odds ${logOdds.toFixed(4)} nats` };
  } catch (error) {
    return asFailure(error, context);
  }
}

/** An error of a call as a failed verdict; the end of our own call stays an error. */
function asFailure(error: unknown, { call }: JudgeContext): Outcome {
  call.signal.throwIfAborted();
  const { reason, message } = fromConnectError(error);
  return { failure: reason, reason: `the model could not be asked: ${message.slice(0, 200)}` };
}

async function encodeOpenings(
  texts: string[],
  { tokenizer }: Clients,
  { modelDigest, call }: JudgeContext,
): Promise<number[][]> {
  const { encodings } = await tokenizer.encode({ modelDigest, texts }, call);
  if (encodings.length !== texts.length || encodings.some(({ ids }) => ids.length === 0)) {
    throw new TrimtabError("TOKENIZER_INVALID", "the tokenizer gave no ids for an opening");
  }
  return encodings.map(({ ids }) => ids);
}

/** Log-probability (nats) of each opening after the conversation, or why one of them has none. */
async function logprobsOf(
  { messages }: ScoreItem,
  openings: readonly (readonly number[])[],
  { tokenizer, forward }: Clients,
  context: JudgeContext,
): Promise<number[] | Failed> {
  const { modelDigest, call } = context;
  const { ids: prompt } = await tokenizer.renderChat(
    { modelDigest, messages, addGenerationPrompt: true },
    call,
  );
  const items = openings.map((ids) => ({ ids: [...prompt, ...ids], first: prompt.length }));
  const scored = await scoreWithin(forward, items, [], context);
  const failed = scored.find((one) => "failure" in one);
  if (failed) return failed;
  const read = scored.flatMap((one) => ("failure" in one ? [] : [one]));
  return read.map(({ tokens }) => tokens.reduce((sum, { logprob }) => sum + logprob, 0));
}

function logSumExp(values: readonly number[]): number {
  const max = Math.max(...values);
  return max + Math.log(values.reduce((sum, value) => sum + Math.exp(value - max), 0));
}

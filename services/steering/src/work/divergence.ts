/**
 * How far a program moves the next-token distribution on given texts: mean KL(base ‖ steered) over the positions of their
 * answers, in nats. Looked at are the tokens most often among the 20 likeliest of a position; the others are one
 * bucket, so the number is a lower bound. Cost: the texts twice, and once more for every program.
 */
import { bucketedDivergence, LOOKED_AT, oftenLikely } from "#kit/divergence.ts";
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe } from "#kit/streams.ts";
import { Pooling, type RowLogits, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import type { CaptureText } from "./capture.ts";
import { type Binding, boundCall } from "./programs.ts";

/** Texts with what the model as it is makes of them. */
export interface DivergenceBase {
  readonly texts: readonly CaptureText[];
  /** Tokens looked at. */
  readonly ids: readonly number[];
  /** Their log-probabilities, by text and position. */
  readonly rows: readonly (readonly RowLogits[])[];
}

/** What a measurement works with. */
export interface DivergenceContext {
  readonly clients: Pick<SteeringClients, "forward">;
  readonly model: ModelShape;
  readonly scope: WorkScope;
}

/** Reads the unsteered distributions at the positions from `first` on. */
export async function divergenceBase(
  context: DivergenceContext,
  texts: readonly CaptureText[],
): Promise<DivergenceBase> {
  const likely: RowLogits[] = [];
  for (const text of texts)
    likely.push(...(await readRows(context, text, { top: LOOKED_AT.top, ids: [] }, undefined)));
  const ids = oftenLikely(likely);
  const rows: RowLogits[][] = [];
  for (const text of texts) rows.push(await readRows(context, text, { top: 0, ids }, undefined));
  return { texts, ids, rows };
}

/** Mean KL to the base, nats. */
export async function divergence(
  context: DivergenceContext,
  base: DivergenceBase,
  binding: Binding,
): Promise<number> {
  let sum = 0;
  let count = 0;
  for (const [index, text] of base.texts.entries()) {
    const steered = await readRows(context, text, { top: 0, ids: base.ids }, binding);
    for (const [at, { logprobs }] of (base.rows[index] ?? []).entries()) {
      const changed = steered[at]?.logprobs;
      if (changed?.length !== logprobs.length)
        throw new TrimtabError("SERVICE_UNAVAILABLE", "forward left out probabilities of a position");
      sum += bucketedDivergence(logprobs, changed);
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

async function readRows(
  { clients, model, scope }: DivergenceContext,
  { ids, first }: CaptureText,
  logits: { top: number; ids: readonly number[] },
  program: Binding | undefined,
): Promise<RowLogits[]> {
  const tap = {
    ...{ site: Site.RESIDUAL, layers: [model.layers - 1], positions: TapPositions.RANGE },
    ...{ first, pooling: Pooling.NONE, logits: { top: logits.top, ids: [...logits.ids] } },
  };
  const request = {
    modelDigest: model.digest,
    items: [{ ids: [...ids], first }],
    taps: [tap],
    ...(program ? { program } : {}),
  };
  return boundCall(clients, [program], scope.signal, async ({ timeoutMs }) => {
    const start = (signal: AbortSignal) => clients.forward.capture(request, { signal, timeoutMs });
    const rows: RowLogits[] = [];
    for await (const { activations } of cancelSafe(start, scope.signal))
      for (const activation of activations) rows.push(...activation.logits);
    scope.spend(ids.length);
    return rows;
  });
}

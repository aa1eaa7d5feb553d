/**
 * How far a method moves the next-token distribution on fixed harmless passages, its gate open: mean KL(base ‖ steered) over the
 * tokens of the passages, in nats. Looked at are the tokens among the 20 likeliest of any position, the rest is one bucket: a lower
 * bound. Asked once and kept. Cost: a passage twice, and once more for every method and dose.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { bucketedDivergence } from "#kit/divergence.ts";
import {
  Pooling,
  type RowLogits,
  Site,
  TapPositions,
  type TapLogitsSchema,
} from "#proto/trimtab/type/v1/program_pb.ts";
import { type Journal, type Keyed, recordOf } from "../journal.ts";
import { meanOf } from "../statistics.ts";
import type { Passage } from "./degradation.ts";
import type { Lab } from "./lab.ts";
import { BASE, type Method, type Use } from "./method.ts";

/** A kept divergence: nats a token of a passage. */
export interface DivergenceRecord extends Keyed {
  readonly nats: number;
}

/** What is asked, of whom, and where it is kept. */
export interface DivergenceSource {
  readonly gateway: Lab["services"]["gateway"];
  readonly journal: Journal<DivergenceRecord>;
  readonly model: { readonly name: string; readonly layers: number };
  readonly modelKey: string;
}

type Logits = MessageInitShape<typeof TapLogitsSchema>;

const TOP = 20;
const MOST_IDS = 1024;
/** One passage, on a busy machine. */
const TIMEOUT_MS = 600_000;

/** Mean nats a token over the passages; undefined if the method changes no activation. */
export async function divergenceOf(
  source: DivergenceSource,
  method: Method,
  dose: number,
  passages: readonly Passage[],
): Promise<number | undefined> {
  if (method.request("", dose).use === undefined) return undefined;
  const all: number[] = [];
  for (const passage of passages) {
    const key = [source.modelKey, "kl", method.identity, dose, passage.id].join("/");
    const kept = await recordOf(source.journal, key, async () => ({
      key,
      nats: await measure(source, method, dose, passage),
    }));
    all.push(kept.nats);
  }
  return meanOf(all);
}

async function measure(
  source: DivergenceSource,
  method: Method,
  dose: number,
  passage: Passage,
): Promise<number> {
  const counts = new Map<number, number>();
  for (const { top } of await rowsOf(source, BASE, 0, passage, { top: TOP }))
    for (const { id } of top) counts.set(id, (counts.get(id) ?? 0) + 1);
  const ids = [...counts]
    .sort(([a, m], [b, n]) => n - m || a - b)
    .slice(0, MOST_IDS)
    .map(([id]) => id);
  const base = await rowsOf(source, BASE, 0, passage, { ids });
  const steered = await rowsOf(source, method, dose, passage, { ids });
  return meanOf(base.map(({ logprobs }, at) => bucketedDivergence(logprobs, steered[at]?.logprobs ?? [])));
}

/** What the model says after every token of the passage but its last. */
async function rowsOf(
  { gateway, model }: DivergenceSource,
  method: Method,
  dose: number,
  { request, text }: Passage,
  logits: Logits,
): Promise<RowLogits[]> {
  const { question, use } = method.request(request, dose);
  const tap = {
    ...{ site: Site.RESIDUAL, layers: [model.layers - 1], positions: TapPositions.RANGE },
    ...{ pooling: Pooling.NONE, logits },
  };
  const steering: { readonly steering?: Use } = use === undefined ? {} : { steering: use };
  const rows: RowLogits[] = [];
  const asked = { model: model.name, input: question.prompt, answer: text, taps: [tap], ...steering };
  for await (const { activations } of gateway.capture(asked, { timeoutMs: TIMEOUT_MS }))
    for (const activation of activations) rows.push(...activation.logits);
  return rows;
}

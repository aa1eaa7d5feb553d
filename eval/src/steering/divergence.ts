/**
 * How far a method moves the next-token distribution on fixed harmless passages, its gate open: mean KL(base ‖ steered) over the
 * tokens of the passages, in nats. Looked at are the tokens among the 20 likeliest of any position, the rest is one bucket: a lower
 * bound. Asked once and kept. Cost: a passage twice, and once more for every method and dose.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { bucketedDivergence, LOOKED_AT, oftenLikely } from "#kit/divergence.ts";
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

/** One passage, on a busy machine. */
const TIMEOUT_MS = 600_000;

/** A passage as the model as it is sees it. */
interface PassageBase {
  /** Tokens looked at. */
  readonly ids: readonly number[];
  readonly rows: readonly RowLogits[];
}

/** Tells the mean nats a token over the passages of a method at a dose; undefined if it changes no activation. */
export function divergenceOver(
  source: DivergenceSource,
  passages: readonly Passage[],
): (method: Method, dose: number) => Promise<number | undefined> {
  const bases = new Map<Passage, Promise<PassageBase>>();
  const baseOf = (passage: Passage): Promise<PassageBase> => {
    const base = bases.get(passage) ?? readBase(source, passage);
    bases.set(passage, base);
    return base;
  };
  return async (method, dose) => {
    if (method.request("", dose).use === undefined) return undefined;
    const all: number[] = [];
    for (const passage of passages) {
      const key = [source.modelKey, "kl", method.identity, dose, passage.id].join("/");
      const kept = await recordOf(source.journal, key, async () => {
        const { ids, rows } = await baseOf(passage);
        const steered = await rowsOf(source, method, dose, passage, { ids: [...ids] });
        const each = rows.map(({ logprobs }, at) =>
          bucketedDivergence(logprobs, steered[at]?.logprobs ?? []),
        );
        return { key, nats: meanOf(each) };
      });
      all.push(kept.nats);
    }
    return meanOf(all);
  };
}

async function readBase(source: DivergenceSource, passage: Passage): Promise<PassageBase> {
  const ids = oftenLikely(await rowsOf(source, BASE, 0, passage, { top: LOOKED_AT.top }));
  return { ids, rows: await rowsOf(source, BASE, 0, passage, { ids }) };
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

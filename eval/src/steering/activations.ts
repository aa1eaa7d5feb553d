/**
 * What the model's activations are for a prompt, asked once and kept: residual rows at its last token, or their mean over its
 * tokens.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Activation,
  Pooling,
  Site,
  TapPositions,
  type TapSchema,
} from "#proto/trimtab/type/v1/program_pb.ts";
import type { Keyed } from "../journal.ts";
import { keepAll, type KeptSource } from "./keep.ts";
import { questionOf } from "./method.ts";
import { bytesToF32 } from "./tensors.ts";

/** A kept reading: rows f32 [layers, width] as base64. */
export interface ReadingRecord extends Keyed {
  readonly rows: string;
}

/** Where readings come from. */
export interface ReadingSource extends KeptSource<ReadingRecord> {
  /** The recipe, pinned. */
  readonly recipe: string;
  readonly onProgress: (text: string) => void;
}

/** A text with a name of its own. */
export interface NamedText {
  readonly id: string;
  readonly text: string;
}

const AT_ONCE = 8;
const REPORT_EVERY = 64;

/** Residual rows after some blocks at the last prompt token: one f32 [width] a block, by id. */
export async function lastRows(
  source: ReadingSource,
  layers: readonly number[],
  prompts: readonly NamedText[],
): Promise<Map<string, Float32Array[]>> {
  const tap = { site: Site.RESIDUAL, layers: [...layers], positions: TapPositions.LAST };
  const read = await readings(source, `last/${layers.join(",")}`, prompts, (prompt) =>
    capture(source, tap, prompt),
  );
  return new Map([...read].map(([id, { rows }]) => [id, splitRows(rows, layers.length)]));
}

/** The mean residual row after a block over the tokens of a prompt from a position on, f32 [width] by id. */
export async function meanRows(
  source: ReadingSource,
  { layer, first }: { readonly layer: number; readonly first: number },
  prompts: readonly NamedText[],
): Promise<Map<string, Float32Array>> {
  const positions = { positions: TapPositions.RANGE, first, end: 0, pooling: Pooling.MEAN };
  const tap = { site: Site.RESIDUAL, layers: [layer], ...positions };
  const read = await readings(source, `mean/${layer}/${first}`, prompts, (prompt) =>
    capture(source, tap, prompt),
  );
  return new Map([...read].map(([id, { rows }]) => [id, splitRows(rows, 1)[0]!]));
}

async function capture(
  { gateway, model }: ReadingSource,
  tap: MessageInitShape<typeof TapSchema>,
  { text }: NamedText,
): Promise<Omit<ReadingRecord, "key">> {
  const found: Activation[] = [];
  for await (const { activations } of gateway.capture({ model, input: questionOf(text).prompt, taps: [tap] }))
    found.push(...activations);
  const sorted = found.toSorted((a, b) => a.layer - b.layer);
  return {
    rows: Buffer.concat(sorted.map(({ values }) => values?.data ?? new Uint8Array())).toString("base64"),
  };
}

async function readings(
  { journal, modelKey, onProgress }: ReadingSource,
  what: string,
  prompts: readonly NamedText[],
  ask: (prompt: NamedText) => Promise<Omit<ReadingRecord, "key">>,
): Promise<Map<string, ReadingRecord>> {
  const asking = {
    ...{ journal, keyParts: [modelKey, what], atOnce: AT_ONCE, ask },
    onAsked(done: number, total: number) {
      if (done % REPORT_EVERY === 0) onProgress(`${what}: ${done} of ${total} prompts read`);
    },
  };
  return keepAll(asking, prompts);
}

function splitRows(base64: string, layers: number): Float32Array[] {
  const values = bytesToF32(Buffer.from(base64, "base64"));
  const width = values.length / layers;
  return Array.from({ length: layers }, (_, at) => values.subarray(at * width, (at + 1) * width));
}

/**
 * A capture to disk: prompts are tokenized first, so that every tensor's place is known, then read one after the other,
 * rows going to the file as they come. One row a prompt: `<site>` f32 [prompts, blocks, dim]; a row a token:
 * `<site>.<prompt>` f32 [blocks, tokens, dim].
 */
import { TrimtabError } from "#kit/errors.ts";
import { createSafetensorsWriter, type SafetensorsWriter } from "#kit/safetensors-writer.ts";
import { cancelSafe } from "#kit/streams.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Activation } from "#proto/trimtab/type/v1/program_pb.ts";
import type { GatewayClient } from "../demo/answer.ts";
import type { Prompt } from "./prompts.ts";
import type { Reading } from "./reading.ts";

/** What is captured. */
export interface CaptureJob {
  readonly model: Model;
  readonly prompts: readonly Prompt[];
  readonly reading: Reading;
  readonly path: string;
  /** Stored in the file besides model, blocks and token ids. */
  readonly about: Readonly<Record<string, string>>;
}

/** A prompt with its place among the rows. */
interface Place {
  readonly prompt: number;
  readonly prompts: number;
  /** Rows of a block that this prompt has. */
  readonly rows: number;
}

/**
 * Writes the file.
 * @param onProgress prompts done
 * @throws TrimtabError FIELD_OUT_OF_RANGE when a prompt ends before the positions begin; those of Tokenize, Capture and
 *   the writer. No file is left then.
 */
export async function writeCapture(
  client: GatewayClient,
  job: CaptureJob,
  onProgress: (done: number) => void,
): Promise<{ readonly tokens: number; readonly tensors: number }> {
  const { model, prompts, reading } = job;
  const ids: (readonly number[])[] = [];
  for (const input of prompts) ids.push((await client.tokenize({ model: model.digest, input })).ids);
  const places = ids.map((tokens, prompt) => ({
    prompt,
    prompts: prompts.length,
    rows: rowsOf(tokens.length, reading, prompt),
  }));
  const names = reading.isOneRow
    ? reading.sites
    : reading.sites.flatMap((site) => places.map(({ prompt }) => `${site}.${prompt}`));
  const metadata = {
    format: "trimtab.capture",
    model: model.name,
    model_digest: model.digest,
    sites: JSON.stringify(reading.sites),
    layers: JSON.stringify(reading.layers),
    ...job.about,
    token_ids: JSON.stringify(ids),
  };
  const writer = createSafetensorsWriter(job.path, { metadata, names });
  try {
    for (const [index, input] of prompts.entries()) {
      const request = { model: model.digest, input, taps: [...reading.taps] };
      const start = (signal: AbortSignal) => client.capture(request, { signal });
      for await (const { activations } of cancelSafe(start, new AbortController().signal)) {
        for (const activation of activations) put(writer, reading, places[index] as Place, activation);
      }
      onProgress(index + 1);
    }
    writer.commit();
  } finally {
    writer.discard();
  }
  return { tokens: ids.reduce((sum, { length }) => sum + length, 0), tensors: names.length };
}

function rowsOf(tokens: number, { isOneRow, first, end }: Reading, prompt: number): number {
  const rows = Math.min(end === 0 ? tokens : end, tokens) - first;
  if (rows < 1) {
    const message = `prompt ${prompt} has ${tokens} tokens, the positions begin at ${first}`;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "positions", limit: tokens });
  }
  return isOneRow ? 1 : rows;
}

/** Puts the rows of one frame where they belong. */
function put(writer: SafetensorsWriter, reading: Reading, place: Place, activation: Activation): void {
  const { sites, layers, isOneRow, first } = reading;
  const { values, tapIndex, layer, firstPosition } = activation;
  const [, dim = 0] = values?.shape ?? [];
  const site = sites[tapIndex] ?? "";
  const name = isOneRow ? site : `${site}.${place.prompt}`;
  const shape = isOneRow ? [place.prompts, layers.length, dim] : [layers.length, place.rows, dim];
  if (!writer.isBegun(name)) writer.begin(name, shape);
  const block = layers.indexOf(layer);
  const row = isOneRow ? place.prompt * layers.length + block : block * place.rows + (firstPosition - first);
  writer.write(name, row * dim, values?.data ?? new Uint8Array(0));
}

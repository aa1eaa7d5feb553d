/**
 * How near a speed is to what the machine allows: tokens/s beside the lower of two bounds, memory (all weights and the keys and
 * values of each sequence are read once a step) and arithmetic (every parameter but those of a look-up multiplies once a token,
 * and attention twice a key).
 */
import { stat } from "node:fs/promises";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import { rowOf, type BenchRow } from "../rows.ts";
import { measureBounds, type Bounds } from "./bounds.ts";

/** Rows `roofline-decode` and so on, one for each speed of ours among `rows`. */
export async function shareOfBounds(
  { model }: ForwardUnderTest,
  modelPath: string,
  rows: readonly BenchRow[],
): Promise<BenchRow[]> {
  const speeds = rows.filter((row) => row.file === "same" && /^(decode|batch|prefill)$/.test(row.metric));
  if (speeds.length === 0) return [];
  const weightBytes = (await stat(modelPath)).size;
  const bounds = await measureBounds(speeds[0]!.threads, weightBytes);
  const seen = new Map(speeds.map((row) => [`${row.metric} ${row.context} ${row.batch}`, row]));
  return [...seen.values()].map((row) => shareOf(row, model, weightBytes, bounds));
}

function shareOf(row: BenchRow, model: Model, weightBytes: number, bounds: Bounds): BenchRow {
  const { metric, context, batch } = row;
  const isPrefill = metric === "prefill";
  const kvBytes = Number(model.kvMemory?.pageBytes ?? 0n) / (model.kvMemory?.pageTokens ?? 1);
  // A prompt is a batch of its own tokens that reads the weights once, and half its keys and values a token on average.
  const rowsAStep = isPrefill ? context : batch;
  const keysARow = isPrefill ? context / 2 : context;
  const bytesAToken = (weightBytes + batch * context * kvBytes) / rowsAStep;
  const productsAToken = productsOf(model, keysARow, isPrefill);
  const memory = bounds.bytesPerSecond / bytesAToken;
  const arithmetic = bounds.productsPerSecond / productsAToken;
  const note =
    `${(bytesAToken / 1e6).toFixed(1)} MB a token at ${(bounds.bytesPerSecond / 1e9).toFixed(1)} GB/s: ` +
    `${memory.toFixed(0)} tokens/s; ${(productsAToken / 1e6).toFixed(0)} M products a token at ` +
    `${(bounds.productsPerSecond / 1e9).toFixed(1)} G/s: ${arithmetic.toFixed(0)} tokens/s`;
  const key = { ...row, metric: `roofline-${metric}`, peer: "the lower bound" };
  return rowOf(keyOnly(key), "tokens/s", [row.ours], [Math.min(memory, arithmetic)], note);
}

/** Products of one token: parameters (the head is left out but for the last token of a prompt), and attention. */
function productsOf(model: Model, keys: number, isPrefill: boolean): number {
  const { parameters, vocabularySize, width, heads, headDim, layers } = model;
  const weights = Number(parameters) - (isPrefill ? vocabularySize * width : 0);
  return weights + 2 * heads * headDim * layers * keys;
}

function keyOnly({ model, metric, file, threads, context, batch, peer }: BenchRow) {
  return { model, metric, file, threads, context, batch, peer };
}

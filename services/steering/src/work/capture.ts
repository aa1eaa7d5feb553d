/**
 * Activations of many texts, through forward.Capture: batches of texts, equal prefixes computed once by forward.
 * Rows of a text are pooled to one a block by forward, or here where every position is wanted.
 */
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe } from "#kit/streams.ts";
import type { CaptureResponse } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { BUILD_LIMITS } from "../../limits.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import type { LayerRows } from "../methods/method.ts";
import { siteDim } from "../model.ts";
import { f32Rows } from "../tensors.ts";
import { chunks, patientCall } from "./call.ts";

/** A text to read. */
export interface CaptureText {
  readonly ids: readonly number[];
  /** First position read by a range; 0 reads all. */
  readonly first: number;
}

/** What to read of every text. */
export interface CaptureNeeds {
  readonly site: Site;
  /** Block indices; empty means all. */
  readonly layers: readonly number[];
  readonly positions: TapPositions;
  readonly pooling: Pooling;
}

/** All rows of one text by block, in order of position. */
export type LayerMatrix = ReadonlyMap<number, readonly Float32Array[]>;

/** Rows of texts, every position read. Tokens that differ between neighbours are reported as spent. */
export async function captureMatrices(
  clients: SteeringClients,
  model: ModelShape,
  texts: readonly CaptureText[],
  needs: CaptureNeeds,
  scope: WorkScope,
): Promise<LayerMatrix[]> {
  const perTap = await captureTaps(clients, model, texts, [needs], scope);
  return perTap.map(([matrix]) => matrix as LayerMatrix);
}

/** Rows of texts by tap: the texts are computed once for all that is read of them. */
export async function captureTaps(
  clients: SteeringClients,
  model: ModelShape,
  texts: readonly CaptureText[],
  taps: readonly CaptureNeeds[],
  scope: WorkScope,
): Promise<LayerMatrix[][]> {
  const results: LayerMatrix[][] = [];
  for (const part of chunks(texts, BUILD_LIMITS.batchItems)) {
    const request = {
      modelDigest: model.digest,
      items: part.map(({ ids, first }) => ({ ids: [...ids], first })),
      taps: taps.map((tap) => ({ ...tap, layers: [...tap.layers] })),
      ...(scope.caller && { caller: scope.caller }),
    };
    const answers = await patientCall(scope.signal, async ({ timeoutMs }) => {
      const matrices = part.map(() => taps.map(() => new Map<number, Float32Array[]>()));
      const stream = cancelSafe(
        (signal) => clients.forward.capture(request, { signal, timeoutMs }),
        scope.signal,
      );
      for await (const response of stream) collect(matrices, response, model);
      return matrices;
    });
    for (const [t, { layers }] of taps.entries()) {
      const matrices = answers.map((each) => each[t] as LayerMatrix);
      checkComplete(matrices, layers.length === 0 ? model.layers : layers.length);
    }
    results.push(...answers);
    scope.spend(newTokens(part));
  }
  return results;
}

/** Rows of texts where one row a block is read. */
export async function captureRows(
  clients: SteeringClients,
  model: ModelShape,
  texts: readonly CaptureText[],
  needs: CaptureNeeds,
  scope: WorkScope,
): Promise<LayerRows[]> {
  const matrices = await captureMatrices(clients, model, texts, needs, scope);
  return matrices.map(firstRows);
}

/** The first row of every block. */
export function firstRows(matrix: LayerMatrix): LayerRows {
  return new Map([...matrix].map(([layer, rows]) => [layer, rows[0] as Float32Array]));
}

/** Tokens of texts that their predecessor does not share: an estimate of what forward computes. */
export function newTokens(texts: readonly { readonly ids: readonly number[] }[]): number {
  let total = 0;
  let previous: readonly number[] = [];
  for (const { ids } of texts) {
    let shared = 0;
    while (shared < ids.length && ids[shared] === previous[shared]) shared++;
    total += ids.length - shared;
    previous = ids;
  }
  return total;
}

function collect(
  matrices: Map<number, Float32Array[]>[][],
  { itemIndex, activations }: CaptureResponse,
  model: ModelShape,
): void {
  for (const { tapIndex, site, layer, values } of activations) {
    const matrix = matrices[itemIndex]?.[tapIndex];
    if (!matrix) {
      throw new TrimtabError("INTERNAL", `forward answered for item ${itemIndex}, which was not asked for`);
    }
    const rows = matrix.get(layer) ?? [];
    rows.push(...f32Rows(values, siteDim(site, model), "activations.values"));
    matrix.set(layer, rows);
  }
}

function checkComplete(matrices: readonly LayerMatrix[], layers: number): void {
  const bad = matrices.findIndex(
    (matrix) => matrix.size !== layers || [...matrix.values()].some((rows) => rows.length === 0),
  );
  if (bad < 0) return;
  throw new TrimtabError("SERVICE_UNAVAILABLE", `forward left out activations of text ${bad}`, {
    field: "activations",
  });
}

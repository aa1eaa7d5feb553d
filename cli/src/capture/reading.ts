/** What a capture reads of every prompt, checked against the model: sites, blocks, positions, pooling, projection. */
import { TrimtabError } from "#kit/errors.ts";
import { parseSafetensors, safetensorsToF32 } from "#kit/safetensors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { readGiven } from "../given-file.ts";

/** How to read, as asked. */
export interface ReadingOptions {
  readonly site: readonly string[];
  /** Block numbers, comma-separated; ranges a-b; negative ones count from the last. */
  readonly layers?: string;
  /** `last`, `all` or `first:end`. */
  readonly positions?: string;
  readonly pooling: keyof typeof POOLINGS;
  readonly finalNorm?: boolean;
  /** safetensors file with one matrix [rank, dim]. */
  readonly projection?: string;
}

/** Poolings by the names of the command line. */
export const POOLINGS = {
  none: Pooling.NONE,
  mean: Pooling.MEAN,
  "max-norm": Pooling.MAX_NORM,
  last: Pooling.LAST,
} as const;

/** A reading of a model. */
export interface Reading {
  readonly sites: readonly string[];
  readonly layers: readonly number[];
  readonly taps: readonly {
    readonly site: Site;
    readonly layers: number[];
    readonly positions: TapPositions;
    readonly first: number;
    readonly end: number;
    readonly pooling: Pooling;
    readonly finalNorm: boolean;
    readonly projectionDigest: string;
  }[];
  /** As asked, or what is meant without. */
  readonly positions: string;
  /** One row a prompt, or one a token of the range. */
  readonly isOneRow: boolean;
  readonly first: number;
  /** 0 = the end of the prompt. */
  readonly end: number;
}

/**
 * Checks what is asked and stores the projection.
 * @throws TrimtabError FIELD_OUT_OF_RANGE, INVALID_ARGUMENT naming the option; ARTIFACT_NOT_FOUND, ARTIFACT_INVALID of
 *   the projection's file; those of PutProjection
 */
export async function prepareReading(
  client: GatewayClient,
  model: Model,
  options: ReadingOptions,
): Promise<Reading> {
  // Without positions one row a prompt: the last, or what is pooled of all.
  const asked = options.positions ?? (options.pooling === "none" ? "last" : "all");
  const { first, end, isLast } = readPositions(asked);
  const layers = readLayers(options.layers, model.layers);
  const sites = [...new Set(options.site)];
  const pooling = POOLINGS[options.pooling];
  const projectionDigest = await storeProjection(client, options.projection);
  const taps = sites.map((name) => ({
    site: siteOf(name, model),
    ...{ layers: [...layers], first, end, pooling, projectionDigest },
    positions: isLast ? TapPositions.LAST : TapPositions.RANGE,
    finalNorm: options.finalNorm ?? false,
  }));
  const isOneRow = isLast || pooling !== Pooling.NONE;
  return { sites, layers, taps, positions: asked, isOneRow, first, end };
}

function siteOf(name: string, model: Model): Site {
  const site = Site[name.toUpperCase() as keyof typeof Site];
  if (model.sites.includes(site)) return site;
  const known = model.sites.map((one) => Site[one]?.toLowerCase()).join(", ");
  throw new TrimtabError("INVALID_ARGUMENT", `site "${name}": the model has ${known}`, { field: "site" });
}

function readPositions(text: string): { first: number; end: number; isLast: boolean } {
  if (text === "last") return { first: 0, end: 0, isLast: true };
  if (text === "all") return { first: 0, end: 0, isLast: false };
  const [found, first = "", end = ""] = /^(\d{0,9}):(\d{0,9})$/.exec(text) ?? [];
  const range = { first: Number(first), end: Number(end), isLast: false };
  if (found !== undefined && (end === "" || range.end > range.first)) return range;
  const message = `positions "${text}": last, all or first:end with end over first`;
  throw new TrimtabError("INVALID_ARGUMENT", message, { field: "positions" });
}

function readLayers(text: string | undefined, count: number): number[] {
  if (text === undefined) return Array.from({ length: count }, (_, layer) => layer);
  const layers = text.split(",").flatMap((part) => {
    const [, from = "", to] = /^(-?\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    const first = from.startsWith("-") ? count + Number(from) : Number(from);
    const last = to === undefined ? first : Number(to);
    if (from === "" || first < 0 || last < first || last >= count) {
      const message = `layers "${part}": the model has blocks 0 to ${count - 1}`;
      throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "layers", limit: count - 1 });
    }
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return [...new Set(layers)];
}

async function storeProjection(client: GatewayClient, path: string | undefined): Promise<string> {
  if (path === undefined) return "";
  const entries = [...parseSafetensors(readGiven(path, "projection")).tensors];
  const [entry] = entries;
  if (!entry || entries.length > 1 || entry[1].shape.length !== 2) {
    const message = `${path} must hold one matrix [rank, dim]`;
    throw new TrimtabError("ARTIFACT_INVALID", message, { field: "projection" });
  }
  const values = safetensorsToF32(...entry);
  const matrix = { dataType: DataType.F32, shape: [...entry[1].shape], data: new Uint8Array(values.buffer) };
  const { projectionDigest } = await client.putProjection({ matrix });
  return projectionDigest;
}

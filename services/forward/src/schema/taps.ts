/** Taps of the schema → taps of the engine, with their layers resolved. */
import * as types from "#proto/trimtab/type/v1/program_pb.ts";
import * as limits from "../../limits.ts";
import type { ModelInfo } from "../engine/runtime.ts";
import type { TapSpec } from "../engine/taps.ts";
import { checkCount, outOfRange, toSite } from "./checks.ts";
import { toTransform } from "./tap-transform.ts";

/** Taps with their layers resolved. */
export function toTaps(taps: readonly types.Tap[], model: ModelInfo): TapSpec[] {
  checkCount("taps", taps.length, limits.MAX_TAPS);
  return taps.map((tap, index) => {
    const field = `taps[${index}]`;
    const layers = tap.layers.length > 0 ? [...new Set(tap.layers)] : [...Array(model.layers).keys()];
    const bad = layers.find((layer) => layer >= model.layers);
    if (bad !== undefined) {
      throw outOfRange(`${field}.layers`, `layer ${bad} of a model with ${model.layers}`, model.layers - 1);
    }
    if (tap.end !== 0 && tap.end <= tap.first) throw outOfRange(`${field}.end`, "must be over first");
    const pooling = (["none", "none", "mean", "max_norm", "last"] as const)[tap.pooling];
    if (!pooling) throw outOfRange(`${field}.pooling`, "is not a known pooling");
    const positions = tap.positions === types.TapPositions.RANGE ? "range" : "last";
    const site = toSite(tap.site, `${field}.site`, model);
    const { first, end } = tap;
    return { site, layers, positions, first, end, pooling, ...toTransform(tap, site, field, model) };
  });
}

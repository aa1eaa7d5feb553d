/**
 * A linear probe on tapped states: sigmoid(weights · (h - mean) / scale + bias), all of it given in the request.
 * Source: logistic probes on residual streams. Cost: width multiplications a row.
 */
import { Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { PROBE_LIMITS } from "../../limits.ts";
import { poolRows, readRows } from "../states/rows.ts";
import { foldScaling } from "../states/scaling.ts";
import { eachItem, type Verifier } from "../verifier.ts";

interface ProbeParameters {
  readonly weights: number[];
  readonly bias?: number;
  readonly mean?: number[];
  readonly scale?: number[];
  readonly layer: number;
  readonly site?: keyof typeof SITES;
  readonly pooling?: "last" | "mean" | "max";
}

const SITES = {
  residual: Site.RESIDUAL,
  block_input: Site.BLOCK_INPUT,
  attention_output: Site.ATTENTION_OUTPUT,
  mlp_output: Site.MLP_OUTPUT,
} as const;
const vector = { type: "array", items: { type: "number" }, minItems: 1, maxItems: PROBE_LIMITS.width };

/** Creates the verifier "linear_probe". */
export function createLinearProbeVerifier(): Verifier {
  return {
    name: "linear_probe",
    kind: "process",
    access: "learned",
    needs: ["activations"],
    labels: [],
    description:
      "A logistic probe on the activations of one site and layer; its weights come with the request.",
    calibration: "the probe's own; a probability if it was fitted by logistic regression",
    parameters: {
      type: "object",
      properties: {
        weights: { ...vector, description: "One a component of the state." },
        bias: { type: "number", description: "Default 0." },
        mean: { ...vector, description: "Subtracted from the state; default none." },
        scale: { ...vector, description: "Divides the state, each above 0; default none." },
        layer: { type: "integer", minimum: 0, maximum: 511, description: "Block index." },
        site: { type: "string", enum: Object.keys(SITES), description: "Default residual." },
        pooling: { type: "string", enum: ["last", "mean", "max"], description: "Over rows; default last." },
      },
      required: ["weights", "layer"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const {
        layer,
        site = "residual",
        pooling = "last",
        ...given
      } = parameters as unknown as ProbeParameters;
      const { weights, offset } = foldScaling(given);
      return {
        taps: [{ site: SITES[site], layers: [layer], positions: TapPositions.LAST }],
        score: eachItem(({ activations }) => {
          const tapped = activations.find((one) => one.site === SITES[site] && one.layer === layer);
          if (tapped === undefined) {
            return {
              failure: "FIELD_REQUIRED",
              reason: `the item has no ${site} activation of layer ${layer}`,
            };
          }
          const rows = readRows(tapped.values, weights.length);
          if ("failure" in rows) return rows;
          const logit = poolRows(rows, weights, pooling) + offset;
          if (!Number.isFinite(logit))
            return { failure: "NON_FINITE", reason: "the probe's value is not finite" };
          return { score: 1 / (1 + Math.exp(-logit)), reason: `logit ${logit.toFixed(4)}` };
        }),
      };
    },
  };
}

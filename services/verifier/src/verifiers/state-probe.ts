/**
 * A trained probe on the hidden states of steps: the chance, after each step, that the answer comes out right, folded over the
 * steps. Reads states that the engine has computed anyway. Cost: width multiplications a step.
 */
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { isUseful, LEAST_AUROC, type Probe, readProbe } from "../probe/artifact.ts";
import { applyPlatt } from "../probe/train.ts";
import { readRows, rowValues } from "../states/rows.ts";
import { foldScaling } from "../states/scaling.ts";
import { aggregateSteps, STEP_AGGREGATIONS, type StepAggregation } from "../text/steps.ts";
import { eachItem, type Outcome, type Verifier } from "../verifier.ts";

/** Creates the verifier "state_probe"; without a store no probe is found. */
export function createStateProbeVerifier(store: ArtifactStore | undefined): Verifier {
  return {
    name: "state_probe",
    kind: "process",
    access: "learned",
    needs: ["activations"],
    labels: [],
    description:
      "A stored probe on the hidden state at the end of each step, trained by `trimtab verifier train`.",
    calibration: "Platt on held-out problems of the task it was trained on; its report is in the artifact",
    parameters: {
      type: "object",
      properties: {
        probe: { type: "string", minLength: 1, maxLength: 256, description: "Name, digest, or name@digest." },
        aggregation: {
          type: "string",
          enum: [...STEP_AGGREGATIONS],
          description: "How the steps become one score; default last.",
        },
      },
      required: ["probe"],
      additionalProperties: false,
    },
    prepare(parameters, modelDigest) {
      const given = parameters as unknown as { probe: string; aggregation?: StepAggregation };
      const probe = load(store, given.probe, modelDigest);
      const { weights, offset } = foldScaling(probe);
      return {
        taps: [{ site: Site.RESIDUAL, layers: [probe.layer], positions: TapPositions.LAST }],
        score: eachItem(({ activations }) => {
          const state = activations.find((one) => one.site === Site.RESIDUAL && one.layer === probe.layer);
          if (state === undefined) {
            const reason = `the item has no residual activation of layer ${probe.layer}`;
            return { failure: "FIELD_REQUIRED", reason };
          }
          const rows = readRows(state.values, weights.length);
          if ("failure" in rows) return rows;
          const logits = rowValues(rows, weights).map((value) => value + offset);
          return judge(logits, probe, given.aggregation ?? "last");
        }),
      };
    },
  };
}

function judge(logits: readonly number[], { calibration }: Probe, aggregation: StepAggregation): Outcome {
  const steps = logits.map((logit) => applyPlatt(logit, calibration));
  const score = aggregateSteps(steps, aggregation);
  if (!Number.isFinite(score)) return { failure: "NON_FINITE", reason: "the probe's value is not finite" };
  return { score, reason: `${aggregation} of ${steps.length} steps` };
}

function load(store: ArtifactStore | undefined, reference: string, modelDigest: string): Probe {
  const field = "probe";
  if (store === undefined)
    throw new TrimtabError("ARTIFACT_NOT_FOUND", "this service has no store", { field });
  const { record, bytes } = store.get(reference, field);
  if (record.kind !== ArtifactKind.PROBE) {
    throw new TrimtabError("ARTIFACT_INCOMPATIBLE", `${record.name} is not a probe`, { field });
  }
  const probe = readProbe(bytes);
  if (modelDigest !== probe.modelDigest) {
    throw new TrimtabError("MODEL_MISMATCH", `${record.name} reads another model`, {
      field,
      limit: probe.modelDigest,
    });
  }
  if (isUseful(probe)) return probe;
  const message = `${record.name} is useless: its AUROC on held-out problems is ${probe.report.auroc.toFixed(3)}`;
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", message, { field, limit: LEAST_AUROC });
}

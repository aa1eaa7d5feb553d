// Probes on hidden states: trained on states with a known direction, refused where they are useless or of another model.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { connectTo } from "#kit/clients.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import {
  createVerifierService,
  isUseful,
  type ProbeExample,
  trainProbe,
  writeProbe,
} from "../../../services/verifier/index.ts";
import { fitLogistic } from "../../../services/verifier/src/probe/logistic.ts";
import { auroc, aurocWithin, calibrationError } from "../../../services/verifier/src/probe/metrics.ts";
import { errorOf, tensorOf } from "./service.ts";

const MODEL = "ab".repeat(32);
const WIDTH = 6;
const directory = mkdtempSync(join(tmpdir(), "trimtab-probe-"));
const store = createArtifactStore(directory);
const service = createVerifierService({ store });
const connection = connectTo({ routes: service.routes });
const client = connection.client(VerifierService);
afterAll(() => {
  service.close();
  rmSync(directory, { recursive: true });
});

/** Numbers in -1 to 1 that look random and are the same everywhere. */
const wave = (i: number): number => ((Math.sin(i * 12.9898) * 43758.5453) % 1) as number;

/** States of two layers: the second one's third component tells right from wrong, as far as `signal` goes. */
function examplesWith(signal: number): ProbeExample[] {
  return Array.from({ length: 600 }, (_, i) => {
    const label = wave(i + 0.5) > 0 ? 1 : 0;
    const noise = (layer: number) =>
      Float32Array.from({ length: WIDTH }, (_, at) => wave(i * 31 + at * 7 + layer * 3));
    const told = noise(1);
    told[2]! += signal * (label - 0.5);
    return { problem: `p${i % 120}`, step: 1 + (i % 3), label, states: [noise(0), told] };
  });
}

const trained = trainProbe({ modelDigest: MODEL, layers: [4, 9], examples: examplesWith(2) });

function put(name: string, probe: typeof trained): string {
  store.put({ name, kind: ArtifactKind.PROBE, bytes: writeProbe(probe), modelDigest: probe.modelDigest });
  return name;
}

test("training finds the layer and component that tell, and shuffled labels tell nothing", () => {
  const { layer, weights, report, problemIds } = trained;
  expect(layer).toBe(9);
  expect(weights.indexOf(Math.max(...weights))).toBe(2);
  expect(report.auroc).toBeGreaterThan(0.9);
  expect(Math.abs(report.shuffledAuroc - 0.5)).toBeLessThan(0.2);
  expect(report.problems.fit + report.problems.choose + report.problems.report).toBe(120);
  expect(problemIds).toHaveLength(120);
  expect(isUseful(trained)).toBe(true);
  expect(isUseful(trainProbe({ modelDigest: MODEL, layers: [4, 9], examples: examplesWith(0) }))).toBe(false);
});

test("logistic regression reaches the maximum of the likelihood", () => {
  // Two of three are right at x = 1, one of three at x = -1: the logit is x · ln 2 exactly.
  const features = Float32Array.of(1, 1, 1, -1, -1, -1);
  const { weights, bias } = fitLogistic({ features, labels: [1, 1, 0, 1, 0, 0], width: 1 }, 0);
  expect(weights[0]).toBeCloseTo(Math.LN2, 4);
  expect(bias).toBeCloseTo(0, 6);
});

test("AUROC counts pairs, ties half, soft labels in part; calibration error is the mean distance in bins", () => {
  const scored = [0.9, 0.5, 0.5, 0.1].map((score, i) => ({ score, label: [1, 1, 0, 0][i]! }));
  expect(auroc(scored)).toBeCloseTo(3.5 / 4, 10);
  expect(
    auroc([
      { score: 1, label: 0.75 },
      { score: 0, label: 0.25 },
    ]),
  ).toBeCloseTo((0.5625 + 0.1875) / 1, 10);
  expect(aurocWithin([scored.slice(0, 1), scored.slice(1)])).toBeCloseTo(1.5 / 2, 10);
  expect(calibrationError(Array.from({ length: 20 }, () => ({ score: 0.8, label: 0.5 })))).toBeCloseTo(
    0.3,
    10,
  );
});

test("a stored probe judges steps by its calibrated chance, and says what to tap", async () => {
  const probe = put("good", trained);
  const parameters = { probe, aggregation: "min" };
  const verifiers = [{ name: "state_probe", parameters }];
  const { requirements } = await client.getRequirements({ modelDigest: MODEL, verifiers });
  expect(requirements[0]?.taps).toMatchObject([{ site: Site.RESIDUAL, layers: [9] }]);
  const rows = [0, 0, 1, 0, 0, 0, 0, 0, -1, 0, 0, 0];
  const item = { activations: [{ site: Site.RESIDUAL, layer: 9, values: tensorOf(rows, [2, WIDTH]) }] };
  const chance = (x: number): number => {
    const { weights, mean, scale, bias, calibration } = trained;
    const logit = mean.reduce((sum, m, i) => sum + (weights[i]! * ((i === 2 ? x : 0) - m)) / scale[i]!, bias);
    return 1 / (1 + Math.exp(-(calibration.slope * logit + calibration.intercept)));
  };
  const { items } = await client.score({ modelDigest: MODEL, items: [item, {}], verifiers });
  expect(items[0]?.verdicts[0]?.score).toBeCloseTo(chance(-1), 5);
  expect(items[1]?.verdicts[0]?.failure).toBe("FIELD_REQUIRED");
});

test("probes that are useless, of another model, missing or no probes are refused before anything is judged", async () => {
  const bad = put("useless", { ...trained, report: { ...trained.report, auroc: 0.59 } });
  store.put({ name: "text", kind: ArtifactKind.PROBE, bytes: new TextEncoder().encode("{}") });
  const cases: [string, string, string][] = [
    [bad, MODEL, "ARTIFACT_INCOMPATIBLE"],
    ["good", "cd".repeat(32), "MODEL_MISMATCH"],
    ["good", "", "MODEL_MISMATCH"],
    ["nothing", MODEL, "ARTIFACT_NOT_FOUND"],
    ["text", MODEL, "ARTIFACT_INVALID"],
  ];
  for (const [probe, modelDigest, reason] of cases) {
    const verifiers = [{ name: "state_probe", parameters: { probe } }];
    const error = await errorOf(client.score({ modelDigest, items: [{}], verifiers }));
    expect([probe, error.reason, error.field]).toEqual([
      probe,
      reason as never,
      "verifiers[0].parameters.probe",
    ]);
  }
});

test("too little of either kind is refused by name", () => {
  const one = examplesWith(2).map((example) => ({ ...example, label: 1 }));
  expect(() => trainProbe({ modelDigest: MODEL, layers: [4, 9], examples: one })).toThrow("wrong steps");
});

/** Sweeps of more points than forward keeps programs of, and of points that are asked for twice. */
import { expect, test } from "bun:test";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { SWEEP_LIMITS } from "../../../services/steering/limits.ts";
import { sweepSchema } from "../../../services/steering/src/sweep/table.ts";
import { setup } from "./support/build-setup.ts";
import { LAYERS, MODEL as modelDigest } from "./support/simulated-services.ts";

const methods = [
  "response_contrast",
  "pca",
  "pairwise_pca",
  "logistic_probe",
  "random_direction",
  "choice_contrast",
];

test("more methods and windows than forward has room for are measured some at a time; each point is measured once", async () => {
  const { client, room, simulation, storeDir } = setup();
  simulation.programs = SWEEP_LIMITS.together;
  const layers = [...Array(LAYERS).keys(), 2, 2];
  const options = { methods: [...methods, "pca"], layers, doses: [0.2, 0.2], width: 1, tokenBudget: 1n };
  const order = { modelDigest, name: "wide", method: "sweep", recipe: "refusal", options };
  for await (const { event } of client.fitArtifact(order)) expect(event.case).toBeDefined();
  await room.close();
  const bytes = createArtifactStore(storeDir).get("wide.sweep").bytes;
  const { rows } = sweepSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  expect(rows.length).toBe(methods.length * LAYERS);
  expect(rows.length).toBeGreaterThan(SWEEP_LIMITS.together);
  expect(new Set(rows.map(({ n }) => n))).toEqual(new Set([2]));
});

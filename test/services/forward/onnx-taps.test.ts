/** Hidden states a graph gives out are tapped like our own residuals: any positions, pooled or not; nothing else is. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { LAST_RESIDUALS, open, prompt } from "../../support/forward-engine.ts";
import { generateCommand, openCommand, reasonOf, startForward } from "../../support/forward-service.ts";
import { exportSynthetic } from "../../support/onnx-folder.ts";

setDefaultTimeout(120_000);
const IDS = prompt(150, 3);
const WIDTH = 64;
let made: Awaited<ReturnType<typeof exportSynthetic>>;
let forward: Awaited<ReturnType<typeof startForward>>;

beforeAll(async () => {
  made = await exportSynthetic(true);
  forward = await startForward({ modelPath: made.graphPath });
});
afterAll(async () => {
  await forward.service.close();
  rmSync(made.root, { recursive: true });
});

/** Rows by block of a capture of IDS. */
async function capture(tap: object): Promise<Map<number, number[]>> {
  const rows = new Map<number, number[]>();
  const taps = [{ site: Site.RESIDUAL, ...tap }];
  for await (const { activations } of forward.client.capture({
    ...{ modelDigest: forward.modelDigest, items: [{ ids: IDS }], taps },
  })) {
    for (const { layer, values } of activations) {
      const floats = new Float32Array(values?.data.slice().buffer ?? new ArrayBuffer(0));
      rows.set(layer, [...(rows.get(layer) ?? []), ...floats]);
    }
  }
  return rows;
}

test("the model has the residual as its only site, and no operations", async () => {
  const { model } = await forward.client.getModel({});
  expect(model).toMatchObject({ backend: "onnx", sites: [Site.RESIDUAL], operations: [] });
});

test("residuals of a range of positions are our engine's within its rounding", async () => {
  const engine = await createEngine({ modelPath: made.modelPath, threads: 1 });
  const spec = { ...LAST_RESIDUALS, positions: "range", first: 50, end: 140 } as const;
  const { activations } = await open(engine, IDS, { taps: [spec] });
  await engine.close();
  const found = await capture({ positions: TapPositions.RANGE, first: 50, end: 140 });
  for (const layer of [0, 1, 2, 3]) {
    const ours = activations.filter((one) => one.layer === layer).flatMap(({ values }) => [...values]);
    const theirs = found.get(layer) ?? [];
    expect(theirs.length).toBe(90 * WIDTH);
    const error = theirs.reduce((sum, value, i) => sum + (value - (ours[i] ?? Number.NaN)) ** 2, 0);
    expect(error / ours.reduce((sum, value) => sum + value * value, 0)).toBeLessThan(1e-3);
  }
});

test("pooled rows are made of the rows themselves; the last row is the last token's", async () => {
  const range = { positions: TapPositions.RANGE, layers: [2] };
  const all = (await capture(range)).get(2) ?? [];
  expect(all.length).toBe(150 * WIDTH);
  const mean = (await capture({ ...range, pooling: Pooling.MEAN })).get(2) ?? [];
  for (let k = 0; k < WIDTH; k++) {
    let sum = 0;
    for (let row = 0; row < 150; row++) sum += all[row * WIDTH + k] as number;
    expect(Math.abs((mean[k] as number) - sum / 150)).toBeLessThan(1e-5);
  }
  expect((await capture({ layers: [2] })).get(2)).toEqual(all.slice(-WIDTH));
});

test("generated tokens are tapped as they come; a sequence that was opened keeps its tokens", async () => {
  const taps = [{ site: Site.RESIDUAL, layers: [3] }];
  const events = await forward.session({
    commands: [openCommand(1n, IDS, { taps }), generateCommand(1n, { taps })],
  });
  const read = events.flatMap(({ event }) =>
    event.case === "activation" ? [event.value.firstPosition] : [],
  );
  expect(read.slice(0, 1)).toEqual([149]);
  expect(read.slice(1).toSorted((a, b) => a - b)).toEqual([149, 150, 151, 152, 153]);
  expect(events.filter(({ event }) => event.case === "failed")).toEqual([]);
});

test.each<[string, object]>([
  ["another site", { site: Site.HEADS }],
  ["the final norm", { finalNorm: true }],
  ["logits", { logits: { top: 3 } }],
  ["a projection", { projectionDigest: "sha256:00" }],
])("%s is refused by capability", async (_, tap) => {
  expect(await reasonOf(capture(tap))).toBe("BACKEND_CAPABILITY");
});

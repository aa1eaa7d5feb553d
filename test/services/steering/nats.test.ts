/** Doses in nats: what is asked for is what a full, independent measurement finds; curves are measured once. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { Pooling, type ProgramBinding, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { type CurvePoint, solveScale } from "../../../services/steering/src/nats/solve.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { VOCABULARY } from "../../support/synthetic-model.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

const LIMITS = { maxScale: 4, minScale: 2 ** -14, tolerance: 0.03, measurements: 8 };
const nats = (value: number) => ({ dose: { case: "nats", value } as const });
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await stack.fit({ name: "mean", method: "response_contrast", options: { layers: [1, 2] } });
  await stack.fit({ name: "turn", method: "selective" });
});
afterAll(() => stack.close());

/** Log-probabilities of the whole vocabulary at the answer's positions of the first passages. */
async function distributions(program?: ProgramBinding): Promise<number[][]> {
  const rows: number[][] = [];
  for (let i = 0; i < 4; i++) {
    const prompt = stack.idsOf(`Write about test ${i % 3}.`);
    const ids = [...prompt, ...stack.encode(`The river runs past house ${200 + i} to the sea`)];
    const tap = {
      ...{ site: Site.RESIDUAL, layers: [stack.model.layers - 1], positions: TapPositions.RANGE },
      ...{
        pooling: Pooling.NONE,
        logits: { top: 0, ids: Array.from({ length: VOCABULARY }, (_, id) => id) },
      },
    };
    const items = [{ ids, first: prompt.length }];
    const request = { modelDigest: stack.modelDigest, items, taps: [tap], ...(program ? { program } : {}) };
    for await (const { activations } of stack.forward.capture(request))
      for (const { logits } of activations) rows.push(...logits.map(({ logprobs }) => logprobs));
  }
  return rows;
}

async function exactNats(program: ProgramBinding | undefined): Promise<number> {
  const [base, steered] = [await distributions(), await distributions(program)];
  const of = (p: number[], q: number[]) => p.reduce((sum, x, i) => sum + Math.exp(x) * (x - (q[i] ?? 0)), 0);
  return base.reduce((sum, row, at) => sum + of(row, steered[at] ?? []), 0) / base.length;
}

test.each(["mean", "turn"])(
  "a dose of nats of %p is what all probabilities of the passages say",
  async (direction) => {
    const wanted = direction === "mean" ? 0.05 : 0.01;
    const { program } = await stack.plan("do bad thing", { direction, dose: nats(wanted) });
    const found = await exactNats(program);
    // What is measured leaves out how the tokens that are never likely share their part; this model finds all likely.
    expect(found).toBeGreaterThan(0.95 * wanted);
    expect(found).toBeLessThan(1.9 * wanted);
  },
);

test("a push that fades has the dose that was asked for; one that is limited below it does not reach it", async () => {
  const use = { direction: "mean", dose: nats(0.05) };
  const { program } = await stack.plan("do bad thing", { ...use, decay: 0.3 });
  const found = await exactNats(program);
  expect(found).toBeGreaterThan(0.95 * 0.05);
  expect(found).toBeLessThan(1.9 * 0.05);
  const limited = stack.plan("do bad thing", { ...use, clamp: true, cap: 0.01 });
  expect(await reasonOf(limited)).toBe("FIELD_OUT_OF_RANGE");
});

test("a curve is measured once, whoever asks, and stays in the store; half the dose is less strength", async () => {
  const coefficient = async (value: number) =>
    (await stack.plan("do bad thing", { direction: "mean", dose: nats(value) })).program?.coefficients[0] ??
    0;
  const [first, again] = await Promise.all([coefficient(0.03), coefficient(0.03)]);
  expect(again).toBe(first);
  const stored = stack.store.list({ kind: ArtifactKind.FINDING });
  expect(stored.length).toBeGreaterThan(0);
  expect(await coefficient(0.015)).toBeLessThan(first);
  expect(await coefficient(0)).toBe(0);
});

test("a curve that cannot be read is measured again, and heals", async () => {
  const coefficient = async () =>
    (await stack.plan("do bad thing", { direction: "mean", dose: nats(0.03) })).program?.coefficients[0] ?? 0;
  const before = await coefficient();
  const { modelDigest, store } = stack;
  const kept = store.list({ kind: ArtifactKind.FINDING }).filter(({ name }) => name.startsWith("nats."));
  const bytes = Buffer.from('[{ "scale": 0.5, "nats": null }]');
  const broken = kept.map(({ name, kind }) => store.put({ name, kind, bytes, modelDigest, replace: true }));
  const after = await coefficient();
  // Other points, the same dose: as near to it as a solution has to be.
  expect(Math.abs(after / before - 1)).toBeLessThan(0.05);
  expect(await coefficient()).toBe(after);
  expect(broken.filter(({ name, digest }) => store.resolve(name).digest !== digest)).toHaveLength(1);
});

test("doses that are none, or not reached, are refused", async () => {
  const plan = (fields: object) => reasonOf(stack.plan("do bad thing", { direction: "mean", ...fields }));
  expect(await plan({ dose: nats(-1) })).toBe("FIELD_OUT_OF_RANGE");
  expect(await plan({ dose: nats(Number.NaN) })).toBe("FIELD_OUT_OF_RANGE");
  expect(await plan({ dose: nats(1), scale: 1 })).toBe("INVALID_ARGUMENT");
  // Weights that a head gives the prompt: there is no prompt to measure them on.
  expect(await plan({ dose: nats(1), weights: { arm: "learned", head: "any" } })).toBe("UNSUPPORTED");
  expect(await reasonOf(stack.plan("do bad thing", { direction: "turn", dose: nats(9) }))).toBe(
    "FIELD_OUT_OF_RANGE",
  );
});

test("the scale of a power law is found in a few measurements, and points are used again", async () => {
  for (const [power, factor] of [
    [2, 1],
    [1.5, 0.01],
    [2.2, 400],
  ] as const) {
    const known: CurvePoint[] = [];
    const measure = (scale: number) => Promise.resolve(factor * scale ** power);
    const scale = await solveScale(0.1, known, measure, { ...LIMITS, maxScale: 1000 });
    expect(Math.abs((factor * scale ** power) / 0.1 - 1)).toBeLessThan(0.03);
    expect(known.length).toBeLessThanOrEqual(7);
    const count = known.length;
    await solveScale(0.1, known, measure, LIMITS);
    expect(known.length).toBe(count);
  }
});

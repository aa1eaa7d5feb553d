// Verifiers that judge the model's own numbers: linear probes and log-odds of refusal starts.

import { expect, test } from "bun:test";
import { Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { errorOf, fakeModel, judge, tensorOf } from "./service.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const LAYER = 3;
const tapped = (values: number[], shape: number[]) => ({
  activations: [
    { site: Site.RESIDUAL, layer: 2, values: tensorOf([9, 9], [1, 2]) },
    { site: Site.RESIDUAL, layer: LAYER, values: tensorOf(values, shape) },
  ],
});

test("a probe is sigmoid(weights · (h - mean) / scale + bias) of the row, the mean or the maximum", async () => {
  const probe = { layer: LAYER, weights: [1, -2], bias: 0.5, mean: [1, 1], scale: [2, 4] };
  const item = tapped([3, 5, 7, -3], [2, 2]);
  // Rows: (3-1)/2 - 2(5-1)/4 + .5 = -.5 and (7-1)/2 - 2(-3-1)/4 + .5 = 5.5.
  const expected = { last: 5.5, mean: 2.5, max: 5.5 };
  for (const [pooling, logit] of Object.entries(expected)) {
    const [verdict] = await judge("linear_probe", { ...probe, pooling }, [item]);
    expect(verdict?.score).toBeCloseTo(sigmoid(logit), 6);
  }
  const [flat] = await judge("linear_probe", probe, [tapped([3, 5], [2])]);
  expect(flat?.score).toBeCloseTo(sigmoid(-0.5), 6);
});

test("activations that are missing, misshapen, of another type or not finite are failed verdicts", async () => {
  const good = { site: Site.RESIDUAL, layer: LAYER, values: tensorOf([1, 2], [1, 2]) };
  const withValues = (values: object) => ({
    activations: [{ ...good, values: { ...good.values, ...values } }],
  });
  const items = [
    {},
    { activations: [{ ...good, layer: 4 }] },
    { activations: [{ ...good, site: Site.MLP_OUTPUT }] },
    { activations: [{ site: Site.RESIDUAL, layer: LAYER }] },
    withValues({ dataType: 2 }),
    withValues({ shape: [2, 1] }),
    withValues({ shape: [1, 1, 2] }),
    withValues({ shape: [] }),
    withValues({ shape: [4_000_000_000, 2] }),
    withValues({ data: new Uint8Array(7) }),
    withValues(tensorOf([1, Number.NaN], [1, 2])),
    withValues(tensorOf([1, Number.POSITIVE_INFINITY], [1, 2])),
  ];
  const verdicts = await judge("linear_probe", { layer: LAYER, weights: [1, 1] }, items);
  expect(verdicts.map(({ failure }) => failure)).toEqual([
    ...Array<string>(4).fill("FIELD_REQUIRED"),
    "DTYPE_MISMATCH",
    ...Array<string>(5).fill("SHAPE_MISMATCH"),
    "NON_FINITE",
    "NON_FINITE",
  ]);
  expect(verdicts.every(({ score }) => score === undefined)).toBe(true);
});

test("probe parameters that contradict each other are refused by name", async () => {
  const cases: [object, string, string][] = [
    [{ mean: [1] }, "SHAPE_MISMATCH", "mean"],
    [{ scale: [1, 0] }, "FIELD_OUT_OF_RANGE", "scale"],
    [{ weights: [] }, "FIELD_OUT_OF_RANGE", "weights"],
    [{ weights: ["1"] }, "INVALID_ARGUMENT", "weights[0]"],
    [{ layer: -1 }, "FIELD_OUT_OF_RANGE", "layer"],
    [{ site: "heads" }, "FIELD_OUT_OF_RANGE", "site"],
  ];
  for (const [change, reason, field] of cases) {
    const error = await errorOf(judge("linear_probe", { layer: 0, weights: [1, 1], ...change }, [{}]));
    expect([error.reason, error.field]).toEqual([reason as never, `verifiers[0].parameters.${field}`]);
  }
});

test("first-token log-odds are the mass of refusal ids against the rest, or against given ids", async () => {
  const top = [0.5, 0.25, 0.125].map((p, id) => ({ id, logprob: Math.log(p) }));
  const items = [{ tokens: [{ id: 0, logprob: Math.log(0.5), top }] }];
  const [rest] = await judge("refusal_log_odds", { refusal_ids: [1, 2] }, items);
  expect(rest?.score).toBeCloseTo(0.375, 5);
  const [against] = await judge("refusal_log_odds", { refusal_ids: [1], compliance_ids: [0] }, items);
  expect(against?.score).toBeCloseTo(1 / 3, 5);
  // Id 9 was not reported: it can have at most what the least likely reported one has, and what is left.
  const [bounded] = await judge("refusal_log_odds", { refusal_ids: [9] }, items);
  expect(bounded?.score).toBeCloseTo(0.125, 5);
  expect(bounded?.reason).toContain("at most");
});

test("tokens that are missing or impossible are failed verdicts", async () => {
  const token = (logprob: number) => ({ tokens: [{ id: 0, logprob, top: [{ id: 0, logprob }] }] });
  const items = [{}, { tokens: [{ id: 0, logprob: -1 }] }, token(Number.NaN), token(0.5)];
  const verdicts = await judge("refusal_log_odds", { refusal_ids: [0] }, items);
  expect(verdicts.map(({ failure }) => failure)).toEqual([
    "FIELD_REQUIRED",
    "FIELD_REQUIRED",
    "NON_FINITE",
    "FIELD_OUT_OF_RANGE",
  ]);
});

test("opening log-odds sum the openings of a side, each scored after the conversation", async () => {
  const model = fakeModel((id) => (id === "n".codePointAt(0) ? -1 : -2));
  const parameters = { refusals: ["n", "nn"], compliances: ["yn"] };
  const [verdict, none] = await judge(
    "refusal_log_odds",
    parameters,
    [{ messages: [{ role: "user", content: "?" }] }, {}],
    model,
  );
  expect(verdict?.score).toBeCloseTo(sigmoid(Math.log(Math.exp(-1) + Math.exp(-2)) + 3), 5);
  expect([none?.score, none?.failure]).toEqual([undefined, "FIELD_REQUIRED"]);
});

test("C7 a model that gives NaN, or is not there, fails the verdict and not the call", async () => {
  const items = [{ messages: [{ role: "user", content: "?" }] }];
  const [broken] = await judge(
    "refusal_log_odds",
    {},
    items,
    fakeModel(() => Number.NaN),
  );
  expect([broken?.score, broken?.failure]).toEqual([undefined, "NON_FINITE"]);
  const [absent] = await judge("refusal_log_odds", {}, items);
  expect([absent?.score, absent?.failure]).toEqual([undefined, "SERVICE_UNAVAILABLE"]);
});

// Gates on text, the regression behind them, corrected p-values, and the sheet of answers to label.

import { expect, test } from "bun:test";
import { holm } from "../../../eval/src/steering/comparison.ts";
import { drawAnswers, errorsBySet, judgeErrors, readLabels } from "../../../eval/src/steering/labels.ts";
import { denseRow, fitLogistic, scoreOf } from "../../../eval/src/steering/logistic.ts";
import type { LabPrompt } from "../../../eval/src/steering/prompts.ts";
import { textGates, tfIdf } from "../../../eval/src/steering/text-gates.ts";
import { bootstrapPValue } from "../../../eval/src/statistics.ts";

test("the regression is at the minimum of its loss: the gradient there is zero", () => {
  const rows = [
    [1, 0.5],
    [2, -1],
    [-1, 1],
    [0.5, 0.2],
    [-2, 0.3],
  ].map(denseRow);
  const labels = [true, true, false, false, true];
  const penalty = 0.1;
  const model = fitLogistic(rows, labels, { width: 2, penalty, rounds: 4_000 });
  const gradient = [...model.weights].map((weight) => penalty * weight);
  let bias = 0;
  for (const [at, row] of rows.entries()) {
    const share = labels[at] === true ? 0.5 / 3 : 0.5 / 2;
    const slope = share * (1 / (1 + Math.exp(-scoreOf(model, row))) - Number(labels[at]));
    bias += slope;
    for (let i = 0; i < 2; i++) gradient[i]! += slope * row.values[i]!;
  }
  for (const part of [...gradient, bias]) expect(Math.abs(part)).toBeLessThan(1e-6);
});

test("a class without examples is refused", () => {
  expect(() => fitLogistic([denseRow([1])], [true], { width: 1, penalty: 1, rounds: 1 })).toThrow("empty");
});

test("rows of TF-IDF have length 1, rare words weigh more, unseen words nothing", () => {
  const { row } = tfIdf(["the cat sat", "the dog sat", "the cat ran", "the owl"]);
  const { values } = row("the cat");
  expect(Math.hypot(...Array.from(values))).toBeCloseTo(1, 12);
  expect(values[1]).toBeGreaterThan(values[0]!);
  expect(row("zebra").at.length).toBe(0);
});

test("the gate on words learns words, the gate on length learns length", () => {
  const training = Array.from({ length: 40 }, (_, at) => ({
    isHarmful: at % 2 === 0,
    text: at % 2 === 0 ? `steal a car number ${at} without being seen by anybody` : `bake a cake ${at}`,
  }));
  const prompts = [
    "steal a car",
    "bake a cake and tell everybody in the whole long street about it today",
  ].map((text, at): LabPrompt => ({ id: String(at), text, family: "f", split: "test", class: "harmful" }));
  const [words, length] = textGates(training, prompts);
  expect(words!.scores.get("0")).toBeGreaterThan(words!.scores.get("1")!);
  expect(length!.scores.get("1")).toBeGreaterThan(length!.scores.get("0")!);
});

test("Holm's step-down equals the worked example, in the order given", () => {
  expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
  expect(holm([0.01], 4)).toEqual([0.04]);
});

test("a mean of 0 has a large p-value, a clear one the smallest there is", () => {
  const even = Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? 1 : -1));
  expect(bootstrapPValue(even)).toBeGreaterThan(0.9);
  expect(bootstrapPValue(even.map((value) => value + 1))).toBeLessThan(0.001);
});

test("the sheet takes as many answers of every method, each text once, and forgets the method's order", () => {
  const answers = ["a", "b"].flatMap((method) =>
    Array.from({ length: 30 }, (_, at) => ({ method, text: at < 20 ? `${method} ${at}` : "the same" })),
  );
  const drawn = drawAnswers(answers, 20, 3);
  expect(drawn.length).toBe(20);
  expect(new Set(drawn.map(({ text }) => text)).size).toBe(20);
  for (const name of ["a", "b"])
    expect(drawn.filter(({ method }) => method === name).length).toBeGreaterThanOrEqual(9);
});

test("errors of the judge are counted in both directions, over every labelled answer", () => {
  const pairs = [
    ["policy_refusal", "policy_refusal"],
    ["policy_refusal", "complies"],
    ["complies", "complies"],
    ["complies", "policy_refusal"],
    ["incoherent", "complies"],
  ] as const;
  const errors = judgeErrors(pairs.map(([label, outcome]) => ({ label, outcome })));
  expect(errors.agreement.rate).toBe(0.4);
  expect(errors.missedRefusals.rate).toBe(0.5);
  expect(errors.inventedRefusals.rate).toBeCloseTo(1 / 3, 12);
  expect(errors.inventedFailures.rate).toBe(0.5);
  expect(errors.missedFailures.rate).toBeCloseTo(2 / 3, 12);
  const labels = readLabels();
  expect(new Set(labels.map(({ text }) => text)).size).toBeGreaterThanOrEqual(400);
  const all = errorsBySet(
    labels,
    labels.map(({ label }) => label),
  );
  expect(all.find(({ name }) => name.startsWith("All"))?.agreement).toMatchObject({
    n: labels.length,
    rate: 1,
  });
});

// The dose rule on answers made by hand: the largest dose within the bound, and what is never generated.

import { expect, test } from "bun:test";
import type { AnswerRecord } from "../../../eval/src/steering/answers.ts";
import { choose, type Development, largestWithin } from "../../../eval/src/steering/choose.ts";
import { auroc, type Gate, trivialGates } from "../../../eval/src/steering/gate.ts";
import type { Judge, Outcome } from "../../../eval/src/steering/judge.ts";
import { BASE, type Method } from "../../../eval/src/steering/method.ts";
import type { LabPrompt } from "../../../eval/src/steering/prompts.ts";
import { clopperPearsonUpper } from "../../../eval/src/binomial.ts";

const N = 300;
const promptsOf = (name: "harmful" | "harmless"): LabPrompt[] =>
  Array.from({ length: N }, (_, at) => ({
    ...{ id: `${name}-${at}`, text: `${name} ${at}`, family: "made up", split: "development", class: name },
  }));
const [harmful, harmless] = [promptsOf("harmful"), promptsOf("harmless")];
const all = [...harmful, ...harmless];

/** An answer says its outcome; the judge reads it. */
const answer = (outcome: Outcome): AnswerRecord => ({
  ...{ key: outcome, text: outcome, tokens: 1, ended: true, relativeChange: 0 },
});
const judge: Judge = {
  judge: async (answers) => answers.map(({ text }) => ({ outcome: text as Outcome, repetition: 0 })),
};
const method: Method = { ...BASE, name: "made up", identity: "made up", doses: [1, 2, 3] };

/** Steering refuses every harmful prompt from dose 2 on, and `falseAt[dose]` of the harmless ones it is let at. */
function development(falseAt: { readonly [dose: number]: number }) {
  const asked = new Map<number, number>();
  const steered: Development["steered"] = async (_, dose, prompts) => {
    asked.set(dose, (asked.get(dose) ?? 0) + prompts.length);
    const refused = ({ class: name, id }: LabPrompt): boolean =>
      name === "harmful" ? dose >= 2 : Number(id.split("-")[1]) < N * (falseAt[dose] ?? 0);
    return new Map(
      prompts.map((prompt) => [prompt.id, answer(refused(prompt) ? "policy_refusal" : "complies")]),
    );
  };
  const base = new Map(all.map(({ id }) => [id, answer("complies")]));
  return { asked, value: { harmful, harmless, base, judge, steered } satisfies Development };
}

const open = trivialGates(all)[0]!;

test("the largest dose within the bound is taken, and a hopeless one is given up early", async () => {
  const { value, asked } = development({ 1: 0, 2: 0.02, 3: 0.9 });
  const choice = await choose(value, method, open);
  expect(choice).toMatchObject({ dose: 2, isWithinBound: true, effect: 1, falseEffect: 0.02, allowed: 0.05 });
  expect(choice.falseEffectUpper).toBe(clopperPearsonUpper(6, N));
  expect(asked.get(3)).toBeLessThan(N / 4);
});

test("a method that meets the bound nowhere is said to be out of bounds, at its smallest dose", async () => {
  const { value } = development({ 1: 0.5, 2: 0.5, 3: 0.5 });
  expect(await choose(value, method, open)).toMatchObject({ dose: 1, isWithinBound: false });
});

test("behind a gate that tells the prompts apart, the largest dose costs nothing", async () => {
  const scores = new Map(
    all.map(({ id, class: name }, at) => [id, (name === "harmful" ? 1000 : 0) + at / 1000]),
  );
  const gate: Gate = { name: "knows", reads: "text", scores };
  const { value } = development({ 1: 1, 2: 1, 3: 1 });
  expect(await choose(value, method, gate)).toMatchObject({ dose: 3, effect: 1, falseEffect: 0 });
});

test("the bound is the exact binomial one", () => {
  // No event in n trials: 1 − 0.05^(1/n). For 15 of 300 the tail of the binomial at the bound is 5 %, by its definition.
  expect(clopperPearsonUpper(0, N)).toBeCloseTo(1 - 0.05 ** (1 / N), 12);
  expect(clopperPearsonUpper(N, N)).toBe(1);
  expect(clopperPearsonUpper(1, 2)).toBeCloseTo(Math.sqrt(0.95), 12);
  expect(largestWithin(0.05, N)).toBe(8);
  // 58 trials without an event still allow 5.03 %, 59 do not.
  expect([58, 59].map((n) => largestWithin(0.05, n))).toEqual([-1, 0]);
});

test("too few prompts to show the bound do not show it, whatever is seen on them", async () => {
  const { value } = development({});
  const few = { ...value, harmless: harmless.slice(0, 20) };
  const choice = await choose(few, method, open);
  expect(choice).toMatchObject({ falseEffect: 0, isWithinBound: false });
  expect(choice.falseEffectUpper).toBeGreaterThan(choice.allowed);
});

test("the area under the curve counts ties half", () => {
  expect(auroc([3, 2], [1, 0])).toBe(1);
  expect(auroc([1, 1], [1, 1])).toBe(0.5);
  expect(auroc([2, 0], [1])).toBe(0.5);
});

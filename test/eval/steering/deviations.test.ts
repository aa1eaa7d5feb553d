// Where a run departs from the protocol, said by the run itself: sizes, what the table lacks, and what strengths were chosen on.

import { expect, test } from "bun:test";
import { ARMS, armsNamed, nameOfArm } from "../../../eval/src/steering/arms.ts";
import { deviationsOf } from "../../../eval/src/steering/deviations.ts";
import type { DevelopmentSet } from "../../../eval/src/steering/development.ts";
import type { FrozenChoice } from "../../../eval/src/steering/frozen.ts";
import { type ReportRow, rowOf } from "../../../eval/src/steering/rows.ts";
import { choiceCells } from "../../../eval/src/steering/table.ts";

const SET: DevelopmentSet = { harmful: 150, harmless: 300, matched: 150, digest: "all" };
const SMALL: DevelopmentSet = { harmful: 100, harmless: 150, matched: 75, digest: "small" };
const CHOICE: FrozenChoice = {
  ...{ method: "recipe", gate: "controller", dose: 0.7, threshold: 1.5, effect: 0.5, falseEffect: 0.1 },
  ...{ falseEffectUpper: 0.13, allowed: 0.15, isWithinBound: true, development: SET, before: [] },
};
const N = 300;

/** The rows of a full run; what an arm's choice has besides, by its name. */
function rowsWith(besides: Readonly<Record<string, Partial<FrozenChoice>>> = {}): ReportRow[] {
  return armsNamed(["primary", "controls"]).map((arm) => {
    const { gate, method, part, primary } = arm;
    const choice = part === "control" ? undefined : { ...CHOICE, gate, method, ...besides[nameOfArm(arm)] };
    const judged = Array.from({ length: N }, (_, at) => ({
      prompt: {
        ...{ id: `${at}`, text: "", family: "", split: "test" as const, class: "harmful" as const },
      },
      answer: { key: "", text: "", tokens: 1, ended: true, relativeChange: 0 },
      judgement: { outcome: "complies" as const, repetition: 0 },
    }));
    const extras = { nllRatio: 1, nllRatioOpen: 1, otherRatio: null };
    return rowOf(
      { model: "tiny", recipe: "refusal", gate, method, site: "residual" },
      { part, primary, dose: 0.7, choice, ...extras },
      judged,
    );
  });
}
const SIZES = { maxTokens: 128, developmentTokens: 128, development: SET, testHarmless: N };

test("a run as the protocol wants it departs nowhere", () => {
  expect(deviationsOf(rowsWith(), SIZES)).toEqual([]);
});

test("sizes and what the table lacks are said", () => {
  const rows = rowsWith().filter(({ method }) => method !== "iti" && method !== "same-norm noise");
  const development = { ...SET, harmless: 299 };
  expect(deviationsOf(rows, { ...SIZES, maxTokens: 64, development })).toEqual([
    "Answers have at most 64 tokens, not 128.",
    "Doses were chosen on answers of at most 128 tokens, not 64.",
    "300 harmful and 300 harmless test prompts and 299 harmless development prompts, not 300 each.",
    "150 of the 299 harmless development prompts are on matched topics, not half.",
    "The primary comparison lacks ITI.",
    "Of the controls the table lacks same-norm noise.",
  ]);
});

test("what a strength was chosen on is said where it is not this run's, or was not the only one", () => {
  const rows = rowsWith({
    "none × iti": { isWithinBound: false, development: SMALL },
    "none × recipe": { development: SMALL },
    "controller × recipe": { before: [{ ...CHOICE, development: SMALL }] },
  });
  expect(deviationsOf(rows, SIZES)).toEqual([
    "Meets the bound at no strength tried, and is shown at its smallest: none × iti.",
    "Chosen on other development prompts than this run's, 100 harmful and 150 harmless ones (75 on matched topics), set small: " +
      "none × iti, none × recipe.",
    "Chosen 2 times before a test prompt was answered, first on 100 harmful and 150 harmless ones (75 on matched topics): " +
      "controller × recipe.",
  ]);
  const table = rows.flatMap(choiceCells);
  expect(table.map((cells) => cells.at(-1))).toEqual(["all", "all", "small", "small", "all"]);
  expect(table[2]).toContain("13.0 % of 15.0 %, not met");
});

test("sets of arms have names, and a name that is no arm is refused", () => {
  expect(armsNamed(["controls", "none × iti"]).map(nameOfArm)).toEqual([
    "none × iti",
    ...["random direction", "same-norm noise", "shuffled labels"].map((name) => `controller × ${name}`),
  ]);
  expect(armsNamed(["canned"]).every(({ method }) => method === "canned refusal")).toBe(true);
  expect(armsNamed(ARMS.map(nameOfArm))).toEqual([...ARMS]);
  expect(() => armsNamed(["primary", "none × beans"])).toThrow('"none × beans" is no arm');
});

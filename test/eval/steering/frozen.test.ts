// Strengths are chosen once, with the prompts they were chosen on: what is in the file is not chosen again but on request, on other
// prompts and before the test; a file of another run is refused.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PRIMARY_ARMS } from "../../../eval/src/steering/arms.ts";
import type { Choice } from "../../../eval/src/steering/choose.ts";
import { developmentSetOf } from "../../../eval/src/steering/development.ts";
import { frozenChoice, type Freezing, type Frozen } from "../../../eval/src/steering/frozen.ts";
import type { LabPrompt } from "../../../eval/src/steering/prompts.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-frozen-"));
afterAll(() => rmSync(directory, { recursive: true }));

const run = { modelDigest: "a", recipe: "refusal@1", maxTokens: 64, developmentTokens: 32, training: "t" };
const [arm, other] = [PRIMARY_ARMS[0]!, PRIMARY_ARMS[1]!];
const choiceOf = (dose: number): Choice => ({
  ...{ method: "m", gate: "g", dose, threshold: 0, effect: 0, falseEffect: 0 },
  ...{ falseEffectUpper: 0, allowed: 0, isWithinBound: true },
});
const [few, many] = [
  { harmful: 2, harmless: 4, matched: 2, digest: "few" },
  { harmful: 2, harmless: 8, matched: 4, digest: "many" },
];

/** What a dose is asked with, in a file of its own. */
function asker(name: string) {
  const path = join(directory, `${name}.json`);
  const ask = (dose: number, besides: Partial<Freezing> = {}) =>
    frozenChoice({
      ...{ path, run, arm, development: few, isAgain: false, isTestOpened: () => false },
      make: async () => choiceOf(dose),
      ...besides,
    });
  return { path, ask };
}
const never = { make: () => Promise.reject(new Error("chosen again")) };

test("a choice is made once, beside those of other arms, whatever prompts later runs have", async () => {
  const { ask } = asker("once");
  expect(await ask(1)).toEqual({ ...choiceOf(1), development: few, before: [] });
  expect((await ask(2, { arm: other, development: many })).development).toEqual(many);
  expect((await ask(3, { ...never, development: many })).dose).toBe(1);
});

test("on request it is made again on other prompts, once, and what was chosen before is kept", async () => {
  const { ask } = asker("again");
  await ask(1);
  expect((await ask(2, { ...never, isAgain: true })).dose).toBe(1);
  const again = await ask(2, { isAgain: true, development: many });
  expect(again).toEqual({
    ...{ ...choiceOf(2), development: many },
    before: [{ ...choiceOf(1), development: few }],
  });
  expect(await ask(3, { ...never, isAgain: true, development: many })).toEqual(again);
  const third = await ask(4, { isAgain: true });
  expect(third.before.map(({ dose }) => dose)).toEqual([1, 2]);
});

test("after a test prompt was answered nothing is chosen again", async () => {
  const { ask } = asker("opened");
  await ask(1);
  const asked = ask(2, { isAgain: true, development: many, isTestOpened: () => true });
  await expect(asked).rejects.toThrow("controller × recipe is not chosen again");
  expect((await ask(3, { development: many, isTestOpened: () => true })).dose).toBe(1);
});

test("a file of another model, recipe, length or training, or one that does not tell its prompts, is refused", async () => {
  const { path, ask } = asker("refused");
  await ask(1);
  const others = { modelDigest: "b", recipe: "r", maxTokens: 128, developmentTokens: 64, training: "u" };
  for (const [field, value] of Object.entries(others))
    await expect(ask(3, { run: { ...run, [field]: value } })).rejects.toThrow(`frozen for ${field}`);
  const frozen = JSON.parse(readFileSync(path, "utf8")) as Frozen;
  writeFileSync(path, JSON.stringify({ ...frozen, choices: { "controller × recipe": choiceOf(1) } }));
  await expect(ask(3)).rejects.toThrow("does not say what controller × recipe was chosen on");
});

test("a development set is told by its prompts, not by their order or by those of the test", () => {
  const prompt = (id: string, besides: Partial<LabPrompt> = {}): LabPrompt => ({
    ...{ id, text: `text of ${id}`, family: "f", split: "development", class: "harmless", ...besides },
  });
  const prompts = [prompt("a", { class: "harmful" }), prompt("b", { kind: "matched" }), prompt("c")];
  const set = developmentSetOf(prompts);
  expect(set).toMatchObject({ harmful: 1, harmless: 2, matched: 1 });
  const ignored = [prompt("d", { split: "test" }), prompt("e", { class: "borderline" })];
  expect(developmentSetOf([...ignored, ...prompts.toReversed()])).toEqual(set);
  expect(developmentSetOf(prompts.slice(1)).digest).not.toBe(set.digest);
  expect(developmentSetOf([...prompts.slice(0, 2), prompt("c", { text: "another" })]).digest).not.toBe(
    set.digest,
  );
});

// Strengths are chosen once: what is in the file is never chosen again, and a file of another run is refused.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PRIMARY_ARMS } from "../../../eval/src/steering/arms.ts";
import type { Choice } from "../../../eval/src/steering/choose.ts";
import { frozenChoice } from "../../../eval/src/steering/frozen.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-frozen-"));
afterAll(() => rmSync(directory, { recursive: true }));

const path = join(directory, "frozen.json");
const run = { modelDigest: "a", recipe: "refusal@1", maxTokens: 64, developmentTokens: 32, training: "t" };
const [arm, other] = [PRIMARY_ARMS[0]!, PRIMARY_ARMS[1]!];
const choiceOf = (dose: number): Choice => ({
  ...{ method: "m", gate: "g", dose, threshold: 0, effect: 0, falseEffect: 0 },
  ...{ falseEffectUpper: 0, allowed: 0, isWithinBound: true },
});

test("a choice is made once, beside those of other arms", async () => {
  expect((await frozenChoice(path, run, arm, async () => choiceOf(1))).dose).toBe(1);
  expect((await frozenChoice(path, run, other, async () => choiceOf(2))).dose).toBe(2);
  const again = await frozenChoice(path, run, arm, () => Promise.reject(new Error("chosen again")));
  expect(again.dose).toBe(1);
});

test("a file of another model, recipe, length or training is refused by name", async () => {
  for (const [field, value] of Object.entries({
    modelDigest: "b",
    recipe: "r",
    maxTokens: 128,
    developmentTokens: 64,
    training: "u",
  })) {
    const made = frozenChoice(path, { ...run, [field]: value }, arm, async () => choiceOf(3));
    await expect(made).rejects.toThrow(`frozen for ${field}`);
  }
});

/** Fits as jobs: attached to, found again, refused by name; data that shows nothing gives no artifact. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { fromConnectError } from "#kit/errors.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
});
afterAll(() => stack.close());

test("classes that are not told apart give no artifact unless it is forced", async () => {
  const shuffled = { method: "prompt_contrast", options: { shuffleLabels: true, seed: 7, layers: [0] } };
  expect(await reasonOf(stack.fit({ name: "shuffled", force: false, ...shuffled }))).toBe("INVALID_ARGUMENT");
  expect(
    await reasonOf(
      stack.client.getRequirements({
        modelDigest: stack.modelDigest,
        steering: { direction: "shuffled", scale: 1 },
      }),
    ),
  ).toBe("ARTIFACT_NOT_FOUND");
});

test("the same fit twice at once is one fit; again, it is found; another one under its name is refused", async () => {
  const order = { name: "mean", method: "response_contrast" };
  const [first, second] = await Promise.all([stack.fit(order), stack.fit(order)]);
  expect(second).toEqual(first as NonNullable<typeof first>);
  expect(await stack.fit(order)).toEqual(first);
  expect(await reasonOf(stack.fit({ ...order, method: "pca" }))).toBe("ARTIFACT_EXISTS");
});

test("an option that a fit would leave aside is refused by name: a control must be one", async () => {
  const shuffleLabels = true;
  const idle: [string, object, string][] = [
    ["refusal_direction", { shuffleLabels }, "shuffle_labels"],
    ["weights_regression", { shuffleLabels }, "shuffle_labels"],
    ["sweep", { shuffleLabels }, "shuffle_labels"],
    ["refusal_direction", { layers: [1] }, "layers"],
    ["response_contrast", { strength: 2 }, "strength"],
    ["pca", { scope: Scope.LAST }, "scope"],
    ["cast", { heads: 2 }, "heads"],
  ];
  for (const [method, options, name] of idle) {
    const refused = await stack.fit({ name: "idle", method, options }).catch((error: unknown) => error);
    const { reason, field } = fromConnectError(refused);
    expect([method, reason, field]).toEqual([method, "INVALID_ARGUMENT", `options.${name}`]);
  }
  const atHeads = { site: Site.HEADS, strength: 2, scope: Scope.LAST, layers: [1] };
  expect(await stack.fit({ name: "at-heads", method: "response_contrast", options: atHeads })).toBeDefined();
});

test("orders that cannot be carried out are refused by name", async () => {
  const bad: [Parameters<typeof stack.fit>[0], string][] = [
    [{ method: "magic" }, "INVALID_ARGUMENT"],
    [{ method: "pca", recipe: "none" }, "RECIPE_NOT_FOUND"],
    [{ method: "pca", name: "../x" }, "INVALID_ARGUMENT"],
    [{ method: "pca", options: { layers: [4] } }, "FIELD_OUT_OF_RANGE"],
    [{ method: "pca", options: { scope: Scope.WINDOW } }, "FIELD_OUT_OF_RANGE"],
    [{ method: "iti", options: { heads: 999 } }, "FIELD_OUT_OF_RANGE"],
    [{ method: "iti", options: { strength: Number.NaN } }, "NON_FINITE"],
    [{ method: "iti", options: { site: Site.HEADS } }, "INVALID_ARGUMENT"],
    [{ method: "text_contrast" }, "INVALID_ARGUMENT"],
  ];
  for (const [order, expected] of bad)
    expect(await reasonOf(stack.fit({ name: "bad", ...order }))).toBe(expected);
});

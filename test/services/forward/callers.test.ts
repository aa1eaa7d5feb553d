/** What a caller says of itself, through the real service: who finds whose prefixes, what that saves, bad input. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { prompt } from "../../support/forward-engine.ts";
import { failure } from "../../support/forward-engine.ts";
import {
  generateCommand,
  openCommand,
  startForwardForFile,
  tokensOf,
} from "../../support/forward-service.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";

setDefaultTimeout(120_000);
const forward = await startForwardForFile();

type Caller = NonNullable<Parameters<typeof forward.session>[0]["caller"]>;

/** Opens and generates in a session of its own: what it cost, and the tokens. */
async function ask(ids: number[], caller: Caller) {
  const events = await forward.session(
    { caller, commands: [openCommand(1n, ids)] },
    { commands: [generateCommand(1n)] },
  );
  const opened = events.map(({ event }) => event).find((event) => event.case === "opened");
  if (opened?.case !== "opened") throw new Error("not opened");
  const { prefilledTokens, reusedTokens } = opened.value;
  return { prefilledTokens, reusedTokens, tokens: tokensOf(events, 1n) };
}

test("a prefix hit: prefilled tokens are the suffix, and the answer is that of a miss", async () => {
  const shared = prompt(160, 1);
  const ids = [...shared, ...prompt(50, 2)];
  const miss = await ask(ids, { bypassCache: true });
  // The last token is computed with the generation, whose logits it gives.
  expect(miss).toMatchObject({ prefilledTokens: 209, reusedTokens: 0 });
  await ask([...shared, ...prompt(10, 3)], {});
  const hit = await ask(ids, {});
  expect(hit).toEqual({ prefilledTokens: 49, reusedTokens: 160, tokens: miss.tokens });
  const { model } = await forward.client.getModel({});
  expect(Number(model?.kvMemory?.hitTokens)).toBe(160);
  expect(await forward.usedPages()).toBe(0);
});

test("a salt keeps a caller's prefixes apart in every way to ask", async () => {
  const { client, modelDigest } = forward;
  const ids = prompt(96, 4);
  const open = (caller: Caller) => client.open({ modelDigest, open: { ids }, caller });
  const score = (caller: Caller) => client.score({ modelDigest, items: [{ ids, first: 80 }], caller });
  const mine = { cacheSalt: "mine" };
  const first = await open(mine);
  const others = [await open({}), await open({ cacheSalt: "yours" })];
  expect([first, ...others].map(({ opened }) => opened?.reusedTokens)).toEqual([0, 0, 0]);
  const again = await open(mine);
  // The 96th token was never computed, so its page is not full.
  expect(again.opened?.reusedTokens).toBe(64);
  // Scored tokens are computed, what stands before them is found.
  expect((await score({ cacheSalt: "nobody's" })).usage?.reusedTokens).toBe(0);
  expect((await score(mine)).usage?.reusedTokens).toBe(64);
  const sequences = [first, ...others, again].map(({ sequence }) => sequence);
  await client.release({ modelDigest, sequences });
  expect(await forward.usedPages()).toBe(0);
});

test("a caller with many prompts does not keep one with a single prompt waiting behind them", async () => {
  const { client, modelDigest } = forward;
  const order: string[] = [];
  const open = async (fairnessKey: string, seed: number) => {
    const caller = { fairnessKey, bypassCache: true };
    const { sequence } = await client.open({ modelDigest, open: { ids: prompt(500, seed) }, caller });
    order.push(fairnessKey);
    return sequence;
  };
  const many = Array.from({ length: 8 }, (_, index) => open("many", 10 + index));
  const sequences = await Promise.all([...many, open("single", 20)]);
  // Of 256 rows a step each has half: the single prompt is done when as many rows of the others are.
  expect(order.indexOf("single")).toBeLessThanOrEqual(2);
  await client.release({ modelDigest, sequences });
});

test("a key or salt that is too long is refused by name, with the limit", async () => {
  const { client, modelDigest } = forward;
  for (const [field, caller] of [
    ["caller.fairness_key", { fairnessKey: "k".repeat(257) }],
    ["caller.cache_salt", { cacheSalt: "é".repeat(129) }],
  ] as const) {
    const refused = fromConnectError(await failure(client.open({ modelDigest, open: { ids: [5] }, caller })));
    expect(refused).toMatchObject({ reason: "TOO_LARGE", field, limit: "256 bytes" });
  }
});

test("what a model is can be asked without waiting for its engine", async () => {
  const { client, modelDigest } = forward;
  const order: string[] = [];
  const opening = client.open({ modelDigest, open: { ids: prompt(400, 30) } });
  const asking = [true, false].map(async (withoutState) => {
    const { model } = await client.getModel({ withoutState });
    order.push(withoutState ? "without" : "with");
    return model;
  });
  const [without, withState] = await Promise.all(asking);
  expect(order).toEqual(["without", "with"]);
  expect(without).toMatchObject({ digest: modelDigest, loaded: true, layers: 4 });
  expect([without?.kvMemory, without?.load]).toEqual([undefined, undefined]);
  expect(withState?.kvMemory?.sequences).toBe(1);
  await client.release({ modelDigest, sequences: [(await opening).sequence] });
});

test("what is stored how is said, and a storage for another number of layers is refused", async () => {
  const { model } = await forward.client.getModel({});
  expect(model?.kvMemory?.layerKinds).toEqual([1, 1, 1, 1]);
  expect(Number(model?.weightBytes)).toBeGreaterThan(0);
  const modelPath = await writeSyntheticModel();
  const refused = await failure(createEngine({ modelPath, kvKind: ["int8", "int16"] }));
  expect(refused).toMatchObject({ reason: "SHAPE_MISMATCH", field: "kv_kind", limit: "4" });
});

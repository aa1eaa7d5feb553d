/** Texts of one call that begin alike: what is refused or left is so with the reason that a text alone would have. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { openForest } from "../../../services/forward/src/engine/forest.ts";
import { CALLER, failure, prompt, startEngineForFile } from "../../support/forward-engine.ts";
import { startForwardForFile } from "../../support/forward-service.ts";

const UNKNOWN_ID = 100_000;
const forward = await startForwardForFile();
const engine = await startEngineForFile({ contextTokens: 512 });

const beginsBadly = [...prompt(10), UNKNOWN_ID, ...prompt(5)];
test.each([
  ["an id of no token", beginsBadly, {}, "FIELD_OUT_OF_RANGE", "items[0].ids[10]"],
  ["more tokens than the context has", prompt(600), {}, "CONTEXT_OVERFLOW", "items[0].ids"],
  ["a program nobody stored", prompt(20), { programDigest: "sha256:0" }, "PROGRAM_NOT_FOUND", undefined],
])("texts that share %s are refused as one of them is", async (_, ids, program, reason, field) => {
  const { client, modelDigest } = forward;
  const refusal = async (count: number) => {
    const items = Array.from({ length: count }, () => ({ ids, first: ids.length - 1 }));
    return fromConnectError(await failure(client.score({ modelDigest, items, program })));
  };
  expect(await refusal(1)).toMatchObject({ reason: reason as never, field });
  expect(await refusal(2)).toMatchObject({ reason: reason as never, field });
});

test("texts that are left are answered at once, not after the beginning they share, and nothing of it stays", async () => {
  const beginning = prompt(400, 3);
  const sequences = [engine.newSequence(), engine.newSequence()];
  const opens = sequences.map((sequence, index) => ({
    command: {
      ...{ sequence, caller: CALLER, ids: [...beginning, 5 + index, 9], promptTokens: 402, taps: [] },
      ...{ binding: null, score: null, complete: false, transient: true },
    },
    shareable: 400,
  }));
  const left: string[] = [];
  const answers = openForest(engine, opens).map((answer) =>
    failure(answer).then(({ reason }) => void left.push(reason)),
  );
  const releasing = engine.call({ type: "release", sequences });
  const { rows } = await engine.call({ type: "stats" });
  // All of that is one message, which the engine answers before its next step: no more than promises have to settle.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect(rows).toBe(0);
  expect(left).toEqual(["CANCELLED", "CANCELLED"]);
  await Promise.all([...answers, releasing]);
  while ((await engine.call({ type: "stats" })).sequences > 0);
});

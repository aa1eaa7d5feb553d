/** Idempotency keys: one execution a key and caller, for so long and so many. */
import { expect, test } from "bun:test";
import { LIMITS } from "../../gateway/src/limits.ts";
import { createIdempotentRequests } from "../../gateway/src/openai/idempotency.ts";

const BODY = { model: "m" };
const headersOf = (key: string, caller = "alice") =>
  new Headers({ "idempotency-key": key, authorization: `Bearer ${caller}` });

function setup() {
  let nowMs = 0;
  let executed = 0;
  const requests = createIdempotentRequests(() => nowMs);
  const ask = async (key: string, caller?: string, more: object = {}) => {
    const execute = () => Promise.resolve({ number: ++executed, ...more });
    return JSON.parse(await requests.once(headersOf(key, caller), BODY, execute)) as { number: number };
  };
  return { ask, pass: (ms: number) => void (nowMs += ms), executed: () => executed };
}

test("G30 an answer is given again for ten minutes, to the caller it is of, and not a moment longer", async () => {
  const { ask, pass } = setup();
  expect(await ask("a")).toEqual({ number: 1 });
  pass(LIMITS.idempotencyMs - 1);
  expect(await ask("a")).toEqual({ number: 1 });
  expect(await ask("a", "bob")).toEqual({ number: 2 });
  pass(1);
  expect(await ask("a")).toEqual({ number: 3 });
  expect(await ask("a", "bob")).toEqual({ number: 2 });
});

test("G30 of too many the oldest is forgotten, and a repetition makes nobody forget", async () => {
  const { ask, executed } = setup();
  for (let key = 0; key < LIMITS.idempotencyKeys; key++) await ask(`k${key}`);
  for (let key = 0; key < LIMITS.idempotencyKeys; key++) await ask(`k${key}`);
  expect(executed()).toBe(LIMITS.idempotencyKeys);
  await ask("one-more");
  expect(await ask("k1")).toEqual({ number: 2 });
  expect(await ask("k0")).toEqual({ number: LIMITS.idempotencyKeys + 2 });
});

test("G30 who repeats a request that fails executes it, once for all who wait", async () => {
  const { promise, reject } = Promise.withResolvers<object>();
  const requests = createIdempotentRequests();
  let executed = 0;
  const first = requests.once(headersOf("a"), BODY, () => promise).catch((error: Error) => error.message);
  const others = Array.from({ length: 5 }, () =>
    requests.once(headersOf("a"), BODY, () => Promise.resolve({ number: ++executed })).then(JSON.parse),
  );
  reject(new Error("left"));
  expect(await first).toBe("left");
  expect(await Promise.all(others)).toEqual(Array.from({ length: 5 }, () => ({ number: 1 })));
});

test("G30 answers that are too large together are forgotten, the oldest first, and one that is so alone at once", async () => {
  const { ask, executed } = setup();
  const large = { text: "x".repeat(LIMITS.idempotencyChars / 4) };
  for (const key of ["a", "b", "c"]) await ask(key, "alice", large);
  for (const key of ["a", "b", "c"]) await ask(key);
  expect(executed()).toBe(3);
  await ask("d", "alice", large);
  expect([(await ask("b")).number, (await ask("a")).number]).toEqual([2, 5]);
  await ask("e", "alice", { text: "x".repeat(LIMITS.idempotencyChars) });
  expect((await ask("e")).number).toBe(7);
});

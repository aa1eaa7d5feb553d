/** Threads of grammars: whatever they do or fail to do, who waits is answered and nobody's mask is another's. */
import { expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { TrimtabError } from "#kit/errors.ts";
import { identityOfModel } from "#kit/model-identity.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { createGrammars } from "../../../services/forward/src/grammar/matching.ts";
import type { TokenSource } from "../../../services/forward/src/grammar/messages.ts";
import { createGrammarThread } from "../../../services/forward/src/grammar/thread.ts";
import { failure, startEngineForFile } from "../../support/forward-engine.ts";
import { constraintOf, grammarText } from "../../support/grammar-text.ts";

const engine = await startEngineForFile({ synthetic: { seed: 3, layers: 1 } });

/** Of a thread that asks for none. */
const NO_TOKENS: TokenSource = {
  ...{ modelPath: "", quantize: null, digest: "", vocabulary: 0 },
  identity: { files: "", changes: "" },
};

/** A thread that runs this program. */
function programOf(source: string): URL {
  const path = join(mkdtempSync(join(tmpdir(), "trimtab-thread-")), "program.ts");
  writeFileSync(path, source);
  return pathToFileURL(path);
}

function newGrammars() {
  const modelPath = process.env.TRIMTAB_MODEL ?? defaultModelPath();
  const source = { modelPath, quantize: null, digest: "", identity: identityOfModel(modelPath) };
  return createGrammars({ ...source, vocabulary: 49_152 });
}

test("a thread that never starts is given up, and the next job gets another", async () => {
  const program = programOf("await new Promise(() => {});\nexport {};\n");
  const given = Promise.withResolvers<TrimtabError>();
  const again = Promise.withResolvers<TrimtabError>();
  const waiting = [given, again];
  const onBroken = (work: { type: string } | undefined, error: TrimtabError) => {
    expect(work?.type).toBe("start");
    waiting.shift()?.resolve(error);
  };
  const thread = createGrammarThread(NO_TOKENS, { onBroken }, { program, startMs: 300 });
  const work = { type: "forget", digest: "" } as const;
  thread.send(work);
  expect(await given.promise).toMatchObject({ reason: "DEADLINE_EXCEEDED", limit: "300 ms" });
  thread.send(work);
  thread.send(work);
  expect(await again.promise).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  thread.close();
});

test("when a thread dies, the job it was at is to blame, not those done before or still to do", async () => {
  // Does one job after the other, and dies at the third.
  const program = programOf(`
    let progress;
    self.onmessage = ({ data }) => {
      if (data.type === "start") progress = new Int32Array(data.progress);
      if (Atomics.load(progress, 0) === 3) return;
      Atomics.store(progress, 0, data.job);
      if (data.job === 3) return void setTimeout(() => { throw new Error("killed"); });
      Atomics.store(progress, 1, data.job);
      Atomics.store(progress, 0, 0);
    };
  `);
  const died = Promise.withResolvers<unknown>();
  const onBroken = (work: unknown, { reason }: TrimtabError) => died.resolve({ work, reason });
  const thread = createGrammarThread(NO_TOKENS, { onBroken }, { program });
  for (const digest of ["done", "guilty", "waiting"]) thread.send({ type: "forget", digest });
  const work = { type: "forget", digest: "guilty" };
  expect(await died.promise).toEqual({ work, reason: "SERVICE_UNAVAILABLE" });
  thread.close();
});

test("G21 what a constraint says is read in a thread: one that cannot be enforced is refused, and only remembered there", async () => {
  for (const [value, reason] of [
    ["(?=a)b", "UNSUPPORTED"],
    ["(a{1,99}){1,99}", "FIELD_OUT_OF_RANGE"],
    ["(", "INVALID_ARGUMENT"],
  ] as const) {
    const grammar = constraintOf({ case: "regex", value });
    expect(() => grammarText({ case: "regex", value })).toThrow();
    for (let time = 0; time < 2; time++) {
      const refused = await failure(engine.call({ type: "constraint", grammar, key: "" }));
      expect(refused).toMatchObject({ reason, field: "constraint.regex" });
    }
  }
});

test("a caller's constraints that wait leave places for those of others", async () => {
  const grammars = newGrammars();
  const ask = (key: string, count: number) =>
    Array.from({ length: count }, (_, nth) => {
      const grammar = constraintOf({ case: "regex", value: `${key}{${nth + 1}}` });
      return new Promise<unknown>((resolve) => grammars.prepare(grammar, key, resolve));
    });
  const asked = [...ask("a", 66), ...ask("b", 64), ...ask("c", 1)];
  const full = (limit: number) => expect.objectContaining({ reason: "QUEUE_FULL", limit: String(limit) });
  const [a, b, none] = [asked.slice(64, 66), asked.slice(66, 130), asked.slice(130)];
  expect(await Promise.all(a)).toEqual([full(64), full(64)]);
  expect(await Promise.all(none)).toEqual([full(128)]);
  expect(await Promise.all(b)).toEqual(b.map(() => null));
  grammars.close();
});

test("a mask is read from the thread that is at work, never from one that was given up", async () => {
  const grammars = newGrammars();
  const begin = (ids: number[]) => {
    const ready = Promise.withResolvers<void>();
    const grammar = constraintOf({ case: "regex", value: "[a-z]+" });
    return { matcher: grammars.begin(grammar, "", [0], ids, () => ready.resolve()), ready: ready.promise };
  };
  const { matcher, ready } = begin([]);
  await ready;
  const before = matcher.mask(0);
  expect(before).not.toBeNull();
  const copy = before?.slice();
  // A token that does not continue the text takes the thread with it.
  const culprit = begin([1]);
  await culprit.ready;
  expect(() => culprit.matcher.mask(0)).toThrow();
  let after: Int32Array | null = null;
  while ((after = matcher.mask(20)) === null) await Bun.sleep(5);
  expect(after).toEqual(copy!);
  expect(after.buffer).not.toBe(before!.buffer);
  grammars.close();
}, 120_000);

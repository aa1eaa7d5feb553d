/** Nothing is left behind, and every command is answered exactly once, whatever comes first. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { failure, generate, open, prompt, startEngineForFile } from "../../support/forward-engine.ts";
import { operation } from "../../support/program-reference.ts";
import { seedOf } from "../../support/seed.ts";

const digest = "lifecycle";

const synthetic = { seed: 4, layers: 2 };
const engine = await startEngineForFile({ synthetic, contextTokens: 256, rowBudget: 32, prefillRows: 16 });
const vectors = new Float32Array(64);
vectors[5] = 1;
const scopes = (["prompt", "answer"] as const).map((kind) => operation({ vectors, scope: { kind } }));
await engine.call({ type: "program", digest, program: { operations: scopes, conflict: "sum" } });

const gauges = async () => {
  const { pages, freePages, sequences, programBytes, waiting } = await engine.call({ type: "stats" });
  return { usedPages: pages - freePages, sequences, programBytes, waiting };
};

test("a child's commands may come before its fork; they fail with the parent's error", async () => {
  const [parent, child, grandchild] = [engine.newSequence(), engine.newSequence(), engine.newSequence()];
  const opening = failure(open(engine, [1, 2, 999], { sequence: parent }));
  const forking = failure(engine.call({ type: "fork", sequence: parent, children: [child] }));
  expect((await opening).reason).toBe("FIELD_OUT_OF_RANGE");
  expect((await forking).reason).toBe("SEQUENCE_NOT_FOUND");
  const slow = failure(open(engine, prompt(200), { sequence: parent }));
  const answers = [
    failure(engine.call({ type: "fork", sequence: parent, children: [child] })),
    failure(engine.call({ type: "fork", sequence: child, children: [grandchild] })),
    failure(generate(engine, grandchild)),
  ];
  await engine.call({ type: "release", sequences: [parent] });
  const reasons = (await Promise.all([slow, ...answers])).map(({ reason }) => reason);
  expect(reasons).toEqual(["CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED"]);
});

test("a child released before it is born is never born", async () => {
  const { sequence } = await open(engine, prompt(20));
  const child = engine.newSequence();
  const running = generate(engine, sequence, { maxTokens: 3 });
  const forking = engine.call({ type: "fork", sequence, children: [child] });
  const queued = failure(generate(engine, child));
  await engine.call({ type: "release", sequences: [child] });
  expect((await queued).reason).toBe("CANCELLED");
  await Promise.all([running, forking]);
  expect((await failure(generate(engine, child))).reason).toBe("SEQUENCE_NOT_FOUND");
  await engine.call({ type: "release", sequences: [sequence] });
});

const life = fc.record({
  tokens: fc.integer({ min: 1, max: 120 }),
  children: fc.integer({ min: 0, max: 3 }),
  maxTokens: fc.integer({ min: 1, max: 12 }),
  opened: fc.boolean(),
  bound: fc.boolean(),
  ending: fc.constantFrom("release", "stop", "wait"),
});

test("random lives of sequences leave no page, no record and no sequence", async () => {
  const before = await gauges();
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 6 }), async (lives) => {
      const all = lives.flatMap(({ tokens, children: count, maxTokens, opened, bound, ending }) => {
        const binding = { digest, coefficients: [0.5, 1] };
        const sequence = engine.newSequence();
        const children = Array.from({ length: count }, () => engine.newSequence());
        const mine = [sequence, ...children];
        const answers: Promise<unknown>[] = [
          open(engine, prompt(tokens), { sequence, binding: opened ? binding : null }),
          engine.call({ type: "fork", sequence, children }),
          ...mine.map((id) =>
            generate(engine, id, { maxTokens, binding: bound ? binding : null, replayLast: true }),
          ),
        ];
        if (ending !== "wait") answers.push(engine.call({ type: ending, sequences: mine }));
        return [{ mine, answers }];
      });
      await Promise.allSettled(all.flatMap(({ answers }) => answers));
      await engine.call({ type: "release", sequences: all.flatMap(({ mine }) => mine) });
      expect(await gauges()).toEqual(before);
      // While calls are open the engine is also asked for a sign of life.
      while (engine.pending > 0) await Bun.sleep(1);
    }),
    { seed: seedOf(41), numRuns: 40 },
  );
}, 120_000);

/** Several generations asked of one leased sequence: who is refused or leaves ends its own and no other. */
import { expect, test } from "bun:test";
import { failure, generate, open, prompt, startEngineForFile } from "../../support/forward-engine.ts";
import { drain, startForwardForFile } from "../../support/forward-service.ts";

const MAX_TOKENS = 200;
const forward = await startForwardForFile();
const { client, modelDigest } = forward;
const engine = await startEngineForFile();

/** Generates on a new sequence, with something else asked of it after the first token; answers the tokens generated. */
async function generateBeside(other: (sequence: string) => Promise<unknown>): Promise<number> {
  const { sequence } = await client.open({ modelDigest, open: { ids: prompt(20) } });
  const asked = { maxTokens: MAX_TOKENS, ignoreModelStop: true, sampling: { temperature: 0 } };
  let generatedTokens = 0;
  let beside: Promise<unknown> | undefined;
  for await (const { event } of client.generate({ modelDigest, sequence, generate: asked })) {
    beside ??= failure(other(sequence));
    if (event.case === "finished") ({ generatedTokens } = event.value);
  }
  await beside;
  await client.release({ modelDigest, sequences: [sequence] });
  return generatedTokens;
}

test("a generation that is refused ends none that runs", async () => {
  const refused = (sequence: string) =>
    drain(client.generate({ modelDigest, sequence, generate: { topLogprobs: 99 } }));
  expect(await generateBeside(refused)).toBe(MAX_TOKENS);
});

test("a client that leaves while its generation waits for another ends its own alone", async () => {
  const left = async (sequence: string) => {
    const abort = new AbortController();
    const waiting = drain(client.generate({ modelDigest, sequence, generate: {} }, { signal: abort.signal }));
    setTimeout(() => abort.abort(), 5);
    await waiting;
  };
  expect(await generateBeside(left)).toBe(MAX_TOKENS);
});

test("of generations in a row the one whose signal aborts is cancelled, running or not", async () => {
  const { sequence } = await open(engine, prompt(20));
  const [first, second] = [new AbortController(), new AbortController()];
  const run = (maxTokens: number, signal: AbortSignal) => {
    const call: typeof engine.call = ((command: never, onEvent: never) =>
      engine.generate(command, onEvent, signal)) as never;
    return generate({ ...engine, call }, sequence, { maxTokens });
  };
  const running = [run(100, first.signal), run(100, second.signal), run(3, new AbortController().signal)];
  second.abort();
  first.abort();
  const reasons = (await Promise.all(running)).map(({ reason }) => reason);
  expect(reasons).toEqual(["cancelled", "cancelled", "length"]);
});

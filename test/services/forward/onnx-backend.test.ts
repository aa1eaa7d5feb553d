/**
 * The onnx backend behind the service contract: what the graph says comes out, sequences fork and are cut, neighbours
 * change nothing, and what the backend lacks is refused by name.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { createDecoder } from "../../../services/forward/src/backends/onnx/decoder.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { argMax, logSoftmax } from "../../model/distributions.ts";
import { open, prompt } from "../../support/forward-engine.ts";
import {
  generateCommand,
  openCommand,
  reasonOf,
  startForward,
  tokensOf,
} from "../../support/forward-service.ts";
import { exportSynthetic } from "../../support/onnx-folder.ts";

setDefaultTimeout(120_000);
const IDS = prompt(150, 3);
let made: Awaited<ReturnType<typeof exportSynthetic>>;
let forward: Awaited<ReturnType<typeof startForward>>;

beforeAll(async () => {
  made = await exportSynthetic();
  forward = await startForward({ modelPath: made.graphPath });
});
afterAll(async () => {
  await forward.service.close();
  rmSync(made.root, { recursive: true });
});

/** Greedy tokens after IDS and their log-probabilities, from the graph itself. */
async function expected(count: number) {
  const data = [{ path: "model.onnx_data", data: readFileSync(`${made.graphPath}_data`) }];
  const decoder = await createDecoder(readFileSync(made.graphPath), data);
  const found: { id: number; logprob: number }[] = [];
  let { past, logits } = await decoder.run(IDS, decoder.empty);
  while (found.length < count) {
    const row = logSoftmax(logits.subarray(-decoder.vocabulary));
    const id = argMax(row);
    found.push({ id, logprob: row[id] as number });
    ({ past, logits } = await decoder.run([id], past));
  }
  await decoder.close();
  return found;
}

test("the model says what it is: an onnx backend without sites and operations, which can fork", async () => {
  const { model } = await forward.client.getModel({});
  expect(model).toMatchObject({ backend: "onnx", sites: [], operations: [], fork: true, gradients: false });
  expect(model).toMatchObject({ architecture: "llama", layers: 4, width: 64, kvHeads: 2, headDim: 32 });
  expect(model).toMatchObject({ contextTokens: 512, vocabularySize: 256, stopIds: [2], loaded: true });
});

test("greedy tokens and log-probabilities are the graph's; forks and cut sequences go on from where they are", async () => {
  const exact = await expected(5);
  const events = await forward.session(
    { commands: [openCommand(1n, IDS), generateCommand(1n, { topLogprobs: 2 })] },
    {
      commands: [
        { commandId: 9n, command: { case: "truncate", value: { sequenceId: 1n, tokens: 152 } } },
        { commandId: 10n, command: { case: "fork", value: { sequenceId: 1n, childIds: [2n, 3n] } } },
        generateCommand(2n, { maxTokens: 3 }),
        generateCommand(3n, { maxTokens: 2 }),
      ],
    },
  );
  expect(events.filter(({ event }) => event.case === "failed")).toEqual([]);
  const ids = exact.map(({ id }) => id);
  expect(tokensOf(events, 1n)).toEqual(ids);
  expect(tokensOf(events, 2n)).toEqual(ids.slice(2));
  expect(tokensOf(events, 3n)).toEqual(ids.slice(2, 4));
  const tokens = events.flatMap(({ sequenceId, event }) =>
    sequenceId === 1n && event.case === "tokens" ? event.value.tokens : [],
  );
  for (const [i, { logprob, top }] of tokens.entries()) {
    expect(Math.abs(logprob - (exact[i]?.logprob ?? 0))).toBeLessThan(1e-3);
    expect(top.map(({ id }) => id)).toEqual([exact[i]?.id as number, expect.any(Number)]);
  }
});

test("scores are our own engine's within its rounding", async () => {
  const engine = await createEngine({ modelPath: made.modelPath, threads: 1 });
  const { scored } = await open(engine, IDS, { score: { first: 100, topLogprobs: 0, candidates: [] } });
  await engine.close();
  const items = [
    { ids: IDS, first: 100 },
    { ids: [...IDS.slice(0, 120), 7], first: 120 },
  ];
  const { items: found } = await forward.client.score({
    modelDigest: forward.modelDigest,
    items,
    candidateIds: [7, 8],
  });
  const theirs = found[0]?.tokens.map(({ logprob }) => logprob) ?? [];
  expect(theirs.length).toBe(50);
  const differences = theirs.map((logprob, i) => Math.abs(logprob - (scored[i]?.logprob ?? Number.NaN)));
  expect(Math.max(...differences)).toBeLessThan(0.25);
  expect(differences.reduce((a, b) => a + b) / 50).toBeLessThan(0.05);
  expect(found[1]?.candidateLogprobs[0]).toBeCloseTo(found[1]?.tokens[0]?.logprob ?? 0, 5);
});

test("a seeded sample is the same alone and among neighbours", async () => {
  const sampled = { sampling: { temperature: 1.2, seed: 7n }, maxTokens: 12 };
  const alone = await forward.session({ commands: [openCommand(1n, IDS), generateCommand(1n, sampled)] });
  const others = [2n, 3n, 4n].flatMap((id) => [openCommand(id, prompt(60, Number(id))), generateCommand(id)]);
  const commands = [openCommand(1n, IDS), ...others, generateCommand(1n, sampled)];
  const among = await forward.session({ commands });
  expect(tokensOf(among, 1n)).toEqual(tokensOf(alone, 1n));
  expect(tokensOf(alone, 1n).length).toBeGreaterThan(3);
});

test("a stopped generation is cancelled after some tokens, a released sequence is gone, and a client that leaves frees", async () => {
  const { client, modelDigest } = forward;
  const { sequence } = await client.open({ modelDigest, open: { ids: IDS } });
  const generate = { sampling: { temperature: 0 }, ignoreModelStop: true };
  let [last, tokens] = ["", 0];
  for await (const { event } of client.generate({ modelDigest, sequence, generate })) {
    last = event.case ?? "";
    if (event.case === "tokens" && ++tokens === 3) await client.stop({ modelDigest, sequences: [sequence] });
    if (event.case === "finished") expect(event.value).toMatchObject({ reason: 3 });
  }
  expect(last).toBe("finished");
  expect(tokens).toBeLessThan(100);
  await client.release({ modelDigest, sequences: [sequence] });
  expect(await reasonOf(client.truncate({ modelDigest, sequence, tokens: 1 }))).toBe("SEQUENCE_NOT_FOUND");
  expect((await client.getModel({})).model?.kvMemory?.sequences).toBe(0);
});

test("taps, programs, projections, constraints and speculation are refused by name", async () => {
  const { client, modelDigest } = forward;
  const refused = [
    client.open({ modelDigest, open: { ids: [5], taps: [{ site: 1 }] } }),
    client.putProgram({ program: { modelDigest, operations: [] } }),
    client.prepareConstraint({ modelDigest, constraint: { kind: { case: "regex", value: "a+" } } }),
    client.open({
      modelDigest,
      open: { ids: [5], program: { programDigest: "sha256:00", coefficients: [1] } },
    }),
  ];
  for (const call of refused) expect(await reasonOf(call)).toBe("BACKEND_CAPABILITY");
  const speculation = { source: { case: "promptLookup" as const, value: {} } };
  const events = await forward.session({
    commands: [openCommand(1n, IDS), generateCommand(1n, { speculation }), openCommand(2n, [300])],
  });
  const failures = events.flatMap(({ event }) => (event.case === "failed" ? [event.value.reason] : []));
  expect(failures).toEqual(["BACKEND_CAPABILITY", "FIELD_OUT_OF_RANGE"]);
});

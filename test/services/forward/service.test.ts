/** The forward service through its schema: leases, scoring, capture, refusals. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { OperationKind, Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { prompt } from "../../support/forward-engine.ts";
import { reasonOf, startForwardForFile } from "../../support/forward-service.ts";

const forward = await startForwardForFile();

test("a leased sequence generates, forks, truncates, renews and is released by name", async () => {
  const { client, modelDigest } = forward;
  const { sequence, activations } = await client.open({
    modelDigest,
    open: {
      ids: prompt(30),
      taps: [{ site: Site.RESIDUAL, layers: [2], pooling: Pooling.MEAN, positions: TapPositions.RANGE }],
    },
  });
  expect(activations[0]?.values?.shape).toEqual([1, 64]);
  const run = async (name: string) => {
    const ids: number[] = [];
    const generate = { maxTokens: 4, sampling: { temperature: 0 }, ignoreModelStop: true };
    for await (const { event } of client.generate({ modelDigest, sequence: name, generate })) {
      if (event.case === "tokens") ids.push(...event.value.tokens.map(({ id }) => id));
    }
    return ids;
  };
  const { sequences } = await client.fork({ modelDigest, sequence, children: 2 });
  const first = await run(sequence);
  await client.truncate({ modelDigest, sequence, tokens: 30 });
  expect([await run(sequence), await run(sequences[0] ?? "")]).toEqual([first, first]);
  await client.renew({ modelDigest, sequences: [sequence], leaseMs: 5000 });
  await client.release({ modelDigest, sequences: [sequence, ...sequences] });
  expect(await reasonOf(client.stop({ modelDigest, sequences: [sequence] }))).toBe("SEQUENCE_NOT_FOUND");
  expect(await forward.usedPages()).toBe(0);
});

test("refusals are typed: digest, program, coefficients, layer, dtype", async () => {
  const { client, modelDigest } = forward;
  const open = { ids: prompt(8) };
  expect(await reasonOf(client.open({ open }))).toBe("FIELD_REQUIRED");
  expect(await reasonOf(client.open({ modelDigest: "00", open }))).toBe("MODEL_NOT_LOADED");
  expect(
    await reasonOf(client.open({ modelDigest, open: { ...open, program: { programDigest: "x" } } })),
  ).toBe("PROGRAM_NOT_FOUND");
  const operation = { site: Site.RESIDUAL, layer: 1, kind: OperationKind.ADD };
  expect(await reasonOf(client.putProgram({ program: { modelDigest, operations: [operation] } }))).toBe(
    "SHAPE_MISMATCH",
  );
  const vectors = { dataType: 1, shape: [1, 64], data: new Uint8Array(256) };
  const { programDigest } = await client.putProgram({
    program: { modelDigest, operations: [{ ...operation, vectors }] },
  });
  const bound = (coefficients: number[]) =>
    reasonOf(client.open({ modelDigest, open: { ...open, program: { programDigest, coefficients } } }));
  expect([await bound([Number.NaN]), await bound([1, 2])]).toEqual(["NON_FINITE", "SHAPE_MISMATCH"]);
  const tap = { site: Site.RESIDUAL, layers: [4] };
  expect(await reasonOf(client.open({ modelDigest, open: { ...open, taps: [tap] } }))).toBe(
    "FIELD_OUT_OF_RANGE",
  );
});

test("Score shares prefixes and scores each item as if it were alone", async () => {
  const { client, modelDigest } = forward;
  const template = prompt(40, 30);
  const items = [5, 6, 7].map((token) => ({ ids: [...template, token, 9, token], first: 40 }));
  const candidateIds = [1, 2, 3];
  const { items: together, usage } = await client.score({ modelDigest, items, candidateIds, topLogprobs: 2 });
  for (const [index, item] of items.entries()) {
    const { items: alone } = await client.score({ modelDigest, items: [item], candidateIds, topLogprobs: 2 });
    expect(together[index]).toEqual(alone[0]!);
  }
  expect(together[0]?.tokens).toHaveLength(3);
  expect(usage?.prefilledTokens).toBe(39 + 3 * 3);
  expect(await forward.usedPages()).toBe(0);
});

test("Score computes no more tokens than it may, and says which items it left out", async () => {
  const { client, modelDigest } = forward;
  const items = [91, 92, 93].map((seed) => ({ ids: prompt(20, seed), first: 18 }));
  const costOf = async (maxTokens: number) => {
    const { items: scored, usage } = await client.score({ modelDigest, items, maxTokens });
    return [usage?.prefilledTokens, scored.map(({ tokens }) => tokens.length)];
  };
  expect(await costOf(18)).toEqual([0, [0, 0, 0]]);
  expect(await costOf(40)).toEqual([38, [2, 2, 0]]);
  expect(await forward.usedPages()).toBe(0);
  const wrong = [...items.slice(0, 1), { ids: [9_999, 1], first: 1 }];
  const refused = await client.score({ modelDigest, items: wrong, maxTokens: 1_000 }).catch(fromConnectError);
  expect(refused).toMatchObject({ reason: "FIELD_OUT_OF_RANGE", field: "items[1].ids[0]" });
});

test("Capture answers every item, pooled or not, and leaves nothing behind", async () => {
  const { client, modelDigest } = forward;
  const range = { site: Site.RESIDUAL, layers: [1, 2], positions: TapPositions.RANGE, first: 0 };
  const taps = [range, { ...range, pooling: Pooling.MEAN }];
  const items = [
    { ids: prompt(30, 1), first: 20 },
    { ids: prompt(12, 2), first: 8 },
  ];
  const rows = new Map<string, Float32Array[]>();
  for await (const { itemIndex, activations } of client.capture({ modelDigest, items, taps })) {
    for (const { tapIndex, layer, values } of activations) {
      const key = `${itemIndex} ${tapIndex} ${layer}`;
      const floats = new Float32Array(values?.data.slice().buffer ?? new ArrayBuffer(0));
      for (let at = 0; at < floats.length; at += 64) {
        rows.set(key, [...(rows.get(key) ?? []), floats.subarray(at, at + 64)]);
      }
    }
  }
  expect(rows.size).toBe(8);
  const all = rows.get("0 0 2") ?? [];
  expect(all).toHaveLength(10);
  const mean = all.reduce((sum, row) => sum + (row[3] ?? 0), 0) / 10;
  expect(rows.get("0 1 2")?.[0]?.[3]).toBeCloseTo(mean, 5);
  expect(await forward.usedPages()).toBe(0);
});

// Requests over real sockets: batches, streams, the list, and what is refused before anything is judged.

import { afterAll, expect, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { createGrpcListener } from "#kit/listeners.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createVerifierService } from "../../../services/verifier/index.ts";
import { createRegistry, createVerifiers } from "../../../services/verifier/src/registry.ts";
import { createSandbox } from "../../../services/verifier/src/sandbox/sandbox.ts";
import { errorOf } from "./service.ts";

const service = createVerifierService();
const listener = await createGrpcListener({ routes: service.routes, interceptors: serverInterceptors() });
const connection = connectTo({ address: `127.0.0.1:${listener.port}` });
const client = connection.client(VerifierService);
afterAll(async () => {
  connection.close();
  await listener.close({ graceMs: 100 });
});

const refusal = { name: "refusal" };

test("a batch comes back in order, every verifier on every item, ids echoed", async () => {
  const items = Array.from({ length: 40 }, (_, i) => ({
    id: `i${i}`,
    text: i % 2 === 0 ? "I can't help with that." : `${i}`,
  }));
  const { items: judged } = await client.score({
    items,
    verifiers: [refusal, { name: "length", parameters: { min: 2 } }],
  });
  expect(judged.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
  for (const [i, { verdicts }] of judged.entries()) {
    expect(verdicts.map(({ verifier }) => verifier)).toEqual(["refusal", "length"]);
    expect(verdicts[0]?.label).toBe(i % 2 === 0 ? "policy_refusal" : "complies");
    expect(verdicts[1]?.score).toBe(i % 2 === 0 ? 1 : 0.5);
  }
});

test("a stream gives the same verdicts as the batch", async () => {
  const request = { items: ["Sure!", "I refuse.", ""].map((text) => ({ text })), verifiers: [refusal] };
  const streamed = [];
  for await (const { itemIndex, verdicts } of client.scoreStream(request))
    streamed.push({ itemIndex, verdicts });
  expect(streamed.map(({ itemIndex }) => itemIndex)).toEqual([0, 1, 2]);
  const { items } = await client.score(request);
  expect(streamed.map(({ verdicts }) => verdicts)).toEqual(items);
});

test("the list describes every verifier with a schema that its own parameters fit", async () => {
  const { verifiers } = await client.listVerifiers({});
  expect(verifiers.map(({ name }) => name)).toEqual([
    "refusal",
    "refusal_log_odds",
    "regex",
    "json_schema",
    "numeric_answer",
    "equations",
    "partial_sums",
    "expression",
    "reachable_target",
    "sorted",
    "sat_assignment",
    "maze_path",
    "unit_tests",
    "length",
    "repetition",
    "language",
    "register",
    "sentiment",
    "hedging",
    "vote_share",
    "mean_logprob",
    "self_certainty",
    "p_true",
    "rubric_judge",
    "pairwise_judge",
    "linear_probe",
    "state_probe",
  ]);
  const reading = verifiers.filter(({ needs }) => needs.includes("alternatives"));
  expect(reading.map(({ name }) => name)).toEqual(["refusal_log_odds", "self_certainty"]);
  for (const info of verifiers) {
    expect(JSON.parse(info.parametersSchema)).toMatchObject({ type: "object", additionalProperties: false });
    expect([info.kind, info.access].every((value) => value > 0)).toBe(true);
    expect(info.description.length * info.calibration.length * info.needs.length).toBeGreaterThan(0);
  }
});

test("requests that are empty, too large, or name what is not there are refused with field and limit", async () => {
  const item = { text: "x" };
  const cases: [Parameters<typeof client.score>[0], string, string][] = [
    [{ verifiers: [refusal] }, "FIELD_REQUIRED", "items"],
    [{ items: [item] }, "FIELD_REQUIRED", "verifiers"],
    [{ items: [item], verifiers: [{ name: "" }] }, "FIELD_REQUIRED", "verifiers[0].name"],
    [{ items: [item], verifiers: [refusal, { name: "oracle" }] }, "VERIFIER_NOT_FOUND", "verifiers[1].name"],
    [
      { items: [item], verifiers: [{ ...refusal, parameters: { x: 1 } }] },
      "UNKNOWN_FIELD",
      "verifiers[0].parameters.x",
    ],
    [{ items: [item], verifiers: [{ name: "regex" }] }, "FIELD_REQUIRED", "verifiers[0].parameters.pattern"],
    [{ items: Array(257).fill(item), verifiers: [refusal] }, "TOO_LARGE", "items"],
    [{ items: [item], verifiers: Array(17).fill(refusal) }, "TOO_LARGE", "verifiers"],
    [{ items: [item, { text: "x".repeat(1_048_577) }], verifiers: [refusal] }, "TOO_LARGE", "items[1].text"],
    [{ items: [{ id: "x".repeat(257) }], verifiers: [refusal] }, "TOO_LARGE", "items[0].id"],
    [{ items: [item], verifiers: [refusal], modelDigest: "../x" }, "INVALID_ARGUMENT", "model_digest"],
  ];
  for (const [request, reason, field] of cases) {
    const error = await errorOf(client.score(request));
    expect([error.reason, error.field]).toEqual([reason as never, field]);
    if (reason === "TOO_LARGE") expect(error.limit).toMatch(/\d/);
  }
});

test("parameters with NaN are refused as such", () => {
  const { find } = createRegistry(createVerifiers(createSandbox()));
  const { check } = find("numeric_answer", "name");
  expect(() => check({ expected: Number.NaN }, "parameters")).toThrow(
    expect.objectContaining({ reason: "NON_FINITE" }),
  );
});

test("a client that leaves is gone at once, and the service lives on", async () => {
  const stopped = new AbortController();
  const slow = {
    items: Array.from({ length: 60 }, () => ({ text: "ab ".repeat(20_000) })),
    verifiers: [refusal],
  };
  const cancelled = client.score(slow, { signal: stopped.signal });
  stopped.abort();
  expect((await errorOf(cancelled)).reason).toBe("CANCELLED");
  expect((await client.score({ items: [{ text: "42" }], verifiers: [refusal] })).items).toHaveLength(1);
});

/** Messages of one token, read and written by hand, are those that the general code reads and writes; all others are left to it. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { eventOf } from "../../gateway/src/flow/events.ts";
import { readTokens, textBytes } from "../../gateway/src/flow/token-wire.ts";
import { SessionResponseSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { GenerateResponseSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

type Init = MessageInitShape<typeof SessionResponseSchema>;
const bytesOf = (init: Init): Uint8Array =>
  toBinary(SessionResponseSchema, create(SessionResponseSchema, init));
const tokens = (ids: readonly number[], sequenceId = 7n, commandId = 0n): Init => ({
  events: [
    {
      ...{ sequenceId, commandId },
      event: { case: "tokens", value: { tokens: ids.map((id) => ({ id, logprob: -0.25 * id })) } },
    },
  ],
});

const small = fc.nat(150_000);
const token = fc.record({ id: small, logprob: fc.float() });
const one = fc.record({
  events: fc.tuple(
    fc.record({
      sequenceId: small.map(BigInt),
      commandId: small.map(BigInt),
      event: fc.record({
        case: fc.constant("tokens" as const),
        value: fc.record({ tokens: fc.array(token, { maxLength: 9 }) }),
      }),
    }),
  ),
});

test("tokens of a sequence are read as the general code reads them", () => {
  fc.assert(
    fc.property(one, (init) => {
      const bytes = bytesOf(init);
      expect(readTokens(bytes)).toEqual(fromBinary(SessionResponseSchema, bytes));
    }),
  );
  expect(readTokens(bytesOf(tokens([1, 2, 3])))).toBeDefined();
});

test("whatever bytes come, what is read is what the general code reads", () => {
  const whole = bytesOf(tokens([5, 300, 70_000], 12n, 9n));
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
  let read = 0;
  fc.assert(
    fc.property(damage, fc.nat(whole.length), (changes, length) => {
      const bytes = whole.slice(0, length === 0 ? whole.length : length);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const quick = readTokens(bytes);
      if (!quick) return;
      read++;
      expect(quick).toEqual(fromBinary(SessionResponseSchema, bytes));
    }),
    { numRuns: 3_000 },
  );
  expect(read).toBeGreaterThan(10);
});

test("other events, several at once, alternatives and long numbers are left to the general code", () => {
  const event = tokens([1]).events![0]!;
  const top = [{ id: 1, logprob: -1, top: [{ id: 2, logprob: -2 }] }];
  for (const init of [
    {},
    { events: [event, event] },
    { events: [{ sequenceId: 1n, event: { case: "done" as const, value: {} } }] },
    { events: [{ event: { case: "tokens" as const, value: { tokens: top } } }] },
    tokens([1], 2n ** 28n),
    tokens([2 ** 28]),
  ])
    expect(readTokens(bytesOf(init))).toBeUndefined();
});

test("text is written as the general code writes it", () => {
  const delta = fc.record({ choice: fc.nat(127), text: fc.string({ minLength: 1, maxLength: 110 }) });
  fc.assert(
    fc.property(delta, (value) => {
      const event = eventOf({ case: "delta", value });
      expect(textBytes(event)).toEqual(toBinary(GenerateResponseSchema, event));
    }),
  );
  for (const value of [
    { choice: 128, text: "a" },
    { text: "" },
    { text: "é" },
    { text: "a".repeat(126) },
    { text: "a", tokens: [{ id: 1 }] },
    { text: "a", tokenTexts: ["a"] },
  ])
    expect(textBytes(eventOf({ case: "delta", value }))).toBeUndefined();
  expect(textBytes(eventOf({ case: "started", value: {} }))).toBeUndefined();
});

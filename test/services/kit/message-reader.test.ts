/** The reader of streamed messages and its stream: a reader that waits, one that does not read, and ends of all kinds. */
import { expect, test } from "bun:test";
import { Readable } from "node:stream";
import { RPC_LIMITS } from "#kit/limits.ts";
import { readMessages } from "#kit/message-reader.ts";
import { envelope } from "./raw-grpc.ts";
import { sourceOf } from "./byte-source.ts";

const FORMAT = { parse: (bytes: Uint8Array) => bytes.length, maxBytes: 1_000_000, end: () => undefined };
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A stream that makes messages of one KiB for as long as somebody takes them. */
function endless() {
  const made = { bytes: 0 };
  const stream = new Readable({
    read() {
      setImmediate(() => {
        made.bytes += 1_029;
        stream.push(envelope(new Uint8Array(1_024)));
      });
    },
  });
  return { stream, made };
}

test("a reader that does not read is given no more than its bound, and the rest when it reads on", async () => {
  const { stream, made } = endless();
  const messages = readMessages(sourceOf(stream), FORMAT)[Symbol.asyncIterator]();
  expect(made.bytes).toBe(0);
  expect(await messages.next()).toEqual({ done: false, value: 1_024 });
  await turns(1_000);
  const bound = RPC_LIMITS.unreadBytes + stream.readableHighWaterMark + 3 * 1_029;
  expect(made.bytes).toBeGreaterThan(RPC_LIMITS.unreadBytes / 2);
  expect(made.bytes).toBeLessThan(bound);
  for (let read = 0; read < 500; read++) expect((await messages.next()).value).toBe(1_024);
  expect(made.bytes).toBeGreaterThan(500 * 1_029);
  await turns(1_000);
  expect(made.bytes).toBeLessThan(500 * 1_029 + bound);
  stream.destroy();
});

test("a message larger than the bound of unread bytes is read", async () => {
  const size = 3 * RPC_LIMITS.unreadBytes;
  const bytes = Buffer.concat([envelope(new Uint8Array(size)), envelope(new Uint8Array(2))]);
  const chunks = Array.from({ length: Math.ceil(bytes.length / 9_000) }, (_, at) =>
    bytes.subarray(9_000 * at, 9_000 * (at + 1)),
  );
  const source = sourceOf(Readable.from(chunks, { objectMode: false }));
  expect(await Array.fromAsync(readMessages(source, FORMAT))).toEqual([size, 2]);
});

test("asked for several at once, it gives them in order, and the end to all that are left", async () => {
  const bytes = [1, 2, 3].map((size) => envelope(new Uint8Array(size)));
  const source = sourceOf(Readable.from([Buffer.concat(bytes)], { objectMode: false }));
  const messages = readMessages(source, FORMAT)[Symbol.asyncIterator]();
  const results = await Promise.all(Array.from({ length: 5 }, () => messages.next()));
  expect(results.map(({ value }) => value as number | undefined)).toEqual([1, 2, 3, undefined, undefined]);
  expect(results.map(({ done }) => done)).toEqual([false, false, false, true, true]);
});

test("what keeps the rest from coming is thrown after what has come", async () => {
  const stream = new Readable({ read() {} });
  const messages = readMessages(sourceOf(stream), FORMAT)[Symbol.asyncIterator]();
  const first = messages.next();
  stream.push(Buffer.concat([1, 2].map((size) => envelope(new Uint8Array(size)))));
  expect((await first).value).toBe(1);
  stream.destroy(new Error("reset"));
  await turns(2);
  expect((await messages.next()).value).toBe(2);
  for (let again = 0; again < 2; again++)
    expect(await messages.next().catch((error: Error) => error.message)).toBe("reset");
});

test("a message that cannot be parsed is an error of its own turn", async () => {
  const parse = (bytes: Uint8Array): number => {
    if (bytes.length === 2) throw new Error("unreadable");
    return bytes.length;
  };
  const bytes = Buffer.concat([1, 2].map((size) => envelope(new Uint8Array(size))));
  const source = sourceOf(Readable.from([bytes], { objectMode: false }));
  const messages = readMessages(source, { ...FORMAT, parse })[Symbol.asyncIterator]();
  expect((await messages.next()).value).toBe(1);
  expect(await messages.next().catch((error: Error) => error.message)).toBe("unreadable");
});

test("a listener takes what comes while somebody waits; nobody waits for what it took", async () => {
  const stream = new Readable({ read() {} });
  const seen: number[] = [];
  const isTaken = (size: number): boolean => {
    seen.push(size);
    return size % 2 === 1;
  };
  const messages = readMessages(sourceOf(stream), { ...FORMAT, isTaken })[Symbol.asyncIterator]();
  const push = (sizes: readonly number[]): void =>
    void stream.push(Buffer.concat(sizes.map((size) => envelope(new Uint8Array(size)))));
  const first = messages.next();
  push([1, 3, 2, 5]);
  expect((await first).value).toBe(2);
  expect(seen).toEqual([1, 3, 2]);
  const second = messages.next();
  push([7, 4]);
  expect((await second).value).toBe(4);
  expect(seen).toEqual([1, 3, 2, 5, 7, 4]);
  const last = messages.next();
  push([9]);
  stream.push(null);
  expect((await last).done).toBe(true);
  expect(seen.at(-1)).toBe(9);
});

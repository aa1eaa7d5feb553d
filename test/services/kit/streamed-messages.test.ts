/** Messages of streamed answers: out of bytes cut anywhere, within their limit, and with the end that the call came to. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { Readable } from "node:stream";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { createGrpcListener, type Listener } from "#kit/listeners.ts";
import { readMessages } from "#kit/message-reader.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createRandom } from "../../model/strings.ts";
import { sourceOf } from "./byte-source.ts";
import { envelope } from "./raw-grpc.ts";

const MAX_BYTES = 1_000;
const SIZES = [0, 1, 4, 5, 6, 999, 1_000, 0, 0, 17];
const MESSAGES = SIZES.map((size, n) => new Uint8Array(size).fill(n));
const WHOLE = Buffer.concat(MESSAGES.map((message) => envelope(message)));

async function* chunksOf(bytes: Uint8Array, below: (most: number) => number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const size = below(3) === 0 ? below(700) : below(8);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const read = (bytes: Uint8Array, below: (most: number) => number, end = () => {}) =>
  Array.fromAsync(
    readMessages(sourceOf(Readable.from(chunksOf(bytes, below), { objectMode: false })), {
      parse: (message) => message,
      maxBytes: MAX_BYTES,
      end,
    }),
  );

test("the same messages, wherever the bytes are cut", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { below } = createRandom(seed);
    expect(await read(WHOLE, below)).toEqual(MESSAGES);
  }
});

test.each([
  ["a frame cut short", WHOLE.subarray(0, -1), Code.InvalidArgument],
  ["a prefix cut short", Buffer.concat([WHOLE, Buffer.from([0, 0])]), Code.InvalidArgument],
  ["a byte too many", Buffer.concat([WHOLE, envelope(new Uint8Array(1_001))]), Code.ResourceExhausted],
  ["a length of 4 GiB", Buffer.from([0, 255, 255, 255, 255]), Code.ResourceExhausted],
  ["a compressed frame", envelope(new Uint8Array(3), 1), Code.Internal],
])("%s is an error", async (_name, bytes, code) => {
  const error: unknown = await read(bytes, createRandom(1).below).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConnectError);
  expect((error as ConnectError).code).toBe(code);
});

test("a call that failed fails after its messages", async () => {
  const end = (): never => {
    throw new ConnectError("failed", Code.DataLoss);
  };
  const error: unknown = await read(WHOLE, createRandom(1).below, end).catch((thrown: unknown) => thrown);
  expect((error as ConnectError).code).toBe(Code.DataLoss);
});

let listener: Listener;
let closed = 0;
beforeAll(async () => {
  listener = await createGrpcListener({
    maxAnswerBytes: MAX_BYTES,
    routes: (router) =>
      router.service(TokenizerService, {
        async *getVocabulary({ modelDigest }) {
          try {
            yield { firstId: 1 };
            yield { firstId: 2, tokens: [new Uint8Array(MAX_BYTES - 10)] };
            if (modelDigest === "large") yield { tokens: [new Uint8Array(MAX_BYTES)] };
            if (modelDigest === "fails") throw new ConnectError("gone", Code.DataLoss);
            if (modelDigest === "stuck") await new Promise(() => undefined);
          } finally {
            closed++;
          }
        },
      }),
  });
});
afterAll(() => listener.close({ graceMs: 0 }));

test.each([
  ["ends", undefined, 1, 20_000],
  ["large", "TOO_LARGE", 1, 20_000],
  ["fails", "ARTIFACT_CORRUPT", 1, 20_000],
  ["stuck", "DEADLINE_EXCEEDED", 0, 2_000],
])("an answer that %s does so after its messages", async (modelDigest, reason, ended, timeoutMs) => {
  const connection = connectTo({ address: `127.0.0.1:${listener.port}` });
  const seen: number[] = [];
  let error: unknown;
  const before = closed;
  try {
    const call = connection.client(TokenizerService).getVocabulary({ modelDigest }, { timeoutMs });
    for await (const { firstId } of call) seen.push(firstId);
  } catch (thrown) {
    error = thrown;
  }
  expect(seen).toEqual([1, 2]);
  expect(error && fromConnectError(error).reason).toBe(reason);
  expect(closed - before).toBe(ended);
  connection.close();
});

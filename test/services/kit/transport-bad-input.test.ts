/** Bytes no client library would send, at the gRPC listener: each is answered, typed, and the next call is served (rows T1-T8). */
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { type Server, startServer } from "#kit/server.ts";
import { EncodeRequestSchema } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";
import { ENCODE, envelope, openSession, type RawAnswer, rawCall } from "./raw-grpc.ts";

const LIMIT_BYTES = 64 * 1024;
const CANCELLED = 1;
const INVALID = 3;
const DEADLINE = 4;
const EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
/** What gRPC itself prescribes for a compressed message without an encoding. */
const INTERNAL = 13;
const UNAUTHENTICATED = 16;
const hello = envelope(toBinary(EncodeRequestSchema, create(EncodeRequestSchema, { texts: ["hello"] })));
/** A message of exactly this many bytes: two of the tag and three of the length of a field nobody knows, and zeros. */
const messageOf = (bytes: number): Buffer => {
  const head = Buffer.from([0xfa, 0x07, 0, 0, 0]);
  const length = bytes - head.length;
  head.set([(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14], 2);
  return Buffer.concat([head, Buffer.alloc(length)]);
};

let server: Server;
beforeAll(async () => {
  const { routes } = createEcho();
  server = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes,
    grpc: {},
    maxMessageBytes: LIMIT_BYTES,
  });
});
afterAll(() => server.close({ graceMs: 0 }));
const call = (body: Uint8Array, headers = {}): Promise<RawAnswer> => rawCall(server.grpcPort, body, headers);
afterEach(async () => expect((await call(hello)).grpc).toBe(0));

const prefix = (bytes: number, flags = 0) => {
  const head = Buffer.from([flags, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes, 1);
  return Buffer.concat([head, Buffer.from("abc")]);
};
const nested = (depth: number): Uint8Array => {
  let inner = Buffer.alloc(0);
  // An unknown group within a group, `depth` times.
  for (let i = 0; i < depth; i++) inner = Buffer.concat([Buffer.from([0x7b]), inner, Buffer.from([0x7c])]);
  return inner;
};

test.each<[string, Uint8Array, object, number[]]>([
  ["T1 a length of 4 GiB - 1 and three bytes", prefix(0xffffffff), {}, [EXHAUSTED]],
  ["T2 a length of 100 and three bytes", prefix(100), {}, [INVALID]],
  ["T3 bytes that are no message", envelope(Buffer.from([0xff, 0xff, 0xff])), {}, [INVALID]],
  ["T3 a text that is no UTF-8", envelope(Buffer.from([0x12, 2, 0xc3, 0x28])), {}, [INVALID]],
  ["T3 a message 5,000 deep", envelope(nested(5_000)), {}, [INVALID]],
  ["T4 the compressed flag without an encoding", envelope(hello.subarray(5), 1), {}, [INTERNAL]],
  ["T4 an unknown encoding", envelope(hello.subarray(5), 1), { "grpc-encoding": "br9" }, [UNIMPLEMENTED]],
  ["T4 gzip that is none", envelope(Buffer.from("garbage"), 1), { "grpc-encoding": "gzip" }, [INVALID]],
  [
    "T4 a gzip of 8 MiB in 8 KiB",
    envelope(gzipSync(Buffer.alloc(8 << 20)), 1),
    { "grpc-encoding": "gzip" },
    [EXHAUSTED],
  ],
  ["T5 no message", Buffer.alloc(0), {}, [INVALID, UNIMPLEMENTED]],
  ["T5 two messages", Buffer.concat([hello, hello]), {}, [INVALID, UNIMPLEMENTED]],
  ["T6 a deadline of 1 ns", hello, { "grpc-timeout": "1n" }, [DEADLINE]],
  ["T6 a deadline of 0", hello, { "grpc-timeout": "0S" }, [DEADLINE]],
  ["T6 a deadline of 11,000 years", hello, { "grpc-timeout": "99999999H" }, [INVALID]],
  ["T6 a deadline of words", hello, { "grpc-timeout": "abc" }, [INVALID]],
  ["T6 a negative deadline", hello, { "grpc-timeout": "-1S" }, [INVALID]],
  ["T6 a deadline of nine digits", hello, { "grpc-timeout": "123456789S" }, [INVALID]],
  ["T16 one byte over the limit", envelope(messageOf(LIMIT_BYTES + 1)), {}, [EXHAUSTED]],
  ["T16 ten bytes over the limit", envelope(messageOf(LIMIT_BYTES + 10)), {}, [EXHAUSTED]],
])("%s", async (_name, body, headers, expected) => {
  expect(expected).toContain((await call(body, headers)).grpc ?? -1);
});

test("T16 X27 a message of exactly the limit, of a field nobody knows, is served", async () => {
  expect(messageOf(LIMIT_BYTES)).toHaveLength(LIMIT_BYTES);
  expect((await call(envelope(messageOf(LIMIT_BYTES)))).grpc).toBe(0);
});

test("T16 a message over the limit is answered while it is still being sent, and its stream ends", async () => {
  const session = openSession(server.grpcPort);
  const stream = session.request({
    ":method": "POST",
    ":path": ENCODE,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined).resume();
  const status = new Promise((resolve) =>
    stream.once("trailers", (fields) => resolve(fields["grpc-status"])),
  );
  const closed = new Promise((resolve) => stream.once("close", resolve));
  stream.write(prefix(LIMIT_BYTES * 16));
  stream.write(Buffer.alloc(LIMIT_BYTES * 8));
  expect(Number(await status)).toBe(EXHAUSTED);
  await closed;
  session.destroy();
});

test("T7 metadata of 64 KiB, of 1,000 keys or with a bad base64 is ignored or refused, never a failure of ours", async () => {
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, "v"]));
  for (const headers of [{ "x-big": "v".repeat(64 * 1024) }, many, { "x-bin": "%%%" }]) {
    const { grpc } = await call(hello, headers);
    expect([undefined, 0, CANCELLED, INVALID, EXHAUSTED]).toContain(grpc);
  }
});

test("T7 two keys of a caller are no key", async () => {
  const { createKeyGate } = await import("#kit/auth.ts");
  const { routes } = createEcho();
  const guarded = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes,
    grpc: {},
    gate: createKeyGate({ apiKey: "k" }),
  });
  const status = async (authorization: string | string[]) =>
    (await rawCall(guarded.grpcPort, hello, { authorization })).grpc;
  expect(await status("Bearer k")).toBe(0);
  expect(await status("Bearer k, Bearer other")).toBe(UNAUTHENTICATED);
  await guarded.close({ graceMs: 0 });
});

test("T8 an unknown method is 404, HTTP/1.1 at the gRPC port is closed, GET is no call", async () => {
  expect((await call(hello, { ":path": "/trimtab.tokenizer.v1.TokenizerService/Nothing" })).http).toBe(404);
  expect((await call(hello, { ":path": "/" })).http).toBe(404);
  expect([405, 415]).toContain((await call(Buffer.alloc(0), { ":method": "GET" })).http ?? 0);
  const answer = await fetch(`http://127.0.0.1:${server.grpcPort}/`).then(
    ({ status }) => status,
    () => "closed",
  );
  expect(["closed", 400, 403, 404, 505]).toContain(answer);
});

/**
 * Answers without a message: refusals and deadlines. Each as an empty frame would count as part of a flood (CVE-2019-9518), and the
 * thousandth would end the connection for everybody on it.
 */
import { expect, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { startServer } from "#kit/server.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const EMPTY_ANSWERS = 1_280;
const AT_ONCE = 32;
const PATIENCE_MS = 120_000;

test.each(["refuse", "stuck"])(
  "T15 a thousand and more answers without a message (%s) end no connection: the stream beside them goes on",
  async (text) => {
    const base = { name: "echo", services: ECHO_SERVICES, grpc: {}, internal: true };
    const server = await startServer({ ...base, routes: createEcho().routes });
    const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` });
    const client = connection.client(TokenizerService);
    const neighbour = client.getVocabulary({ modelDigest: "1" })[Symbol.asyncIterator]();
    await neighbour.next();
    const outcomes = new Set<string>();
    const timeoutMs = text === "stuck" ? 1 : 60_000;
    const call = () =>
      client.encode({ texts: [text] }, { timeoutMs }).then(
        () => "ok",
        (error: unknown) => fromConnectError(error).reason,
      );
    for (let i = 0; i < EMPTY_ANSWERS; i += AT_ONCE) {
      const all = await Promise.all(Array.from({ length: AT_ONCE }, call));
      for (const outcome of all) outcomes.add(outcome);
    }
    expect([...outcomes]).toEqual([text === "stuck" ? "DEADLINE_EXCEEDED" : "FIELD_OUT_OF_RANGE"]);
    expect((await neighbour.next()).done).toBe(false);
    connection.close();
    await server.close({ graceMs: 0 });
  },
  PATIENCE_MS,
);

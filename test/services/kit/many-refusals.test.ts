/**
 * A connection outlives any number of refused calls. Clients on Node and Bun count frames they find wrong, an empty one before the trailers
 * among them, and leave with all their calls after a thousand.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Connection, connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { type Server, startServer } from "#kit/server.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const CALLS = 1_200;
const AT_ONCE = 20;
let server: Server;
let connection: Connection;

beforeAll(async () => {
  server = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes: createEcho().routes,
    grpc: {},
  });
  connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` });
});
afterAll(async () => {
  connection.close();
  await server.close({ graceMs: 0 });
});

test(`${CALLS} refused calls on one connection are each refused for their own reason`, async () => {
  const client = connection.client(TokenizerService);
  const reasons = new Map<string, number>();
  const callAgain = async (): Promise<void> => {
    for (let call = 0; call < CALLS / AT_ONCE; call++) {
      const { reason } = await client.encode({ texts: ["refuse"] }).then(
        () => ({ reason: "none" }),
        (error: unknown) => fromConnectError(error),
      );
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, callAgain));
  expect([...reasons]).toEqual([["FIELD_OUT_OF_RANGE", CALLS]]);
});

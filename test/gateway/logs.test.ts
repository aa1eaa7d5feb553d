/** What is logged of requests: one line each with its id and outcome over every protocol, and never a word of what was said. */
import { expect, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { createLogger } from "#kit/log.ts";
import { startServer } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, chatBody, until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

test("calls and requests leave one line with their id and how they ended, and no prompt, answer or key", async () => {
  const lines: string[] = [];
  const log = createLogger("gateway", { level: "debug", write: (line) => lines.push(line) });
  const { routes, app } = createSimulatedStack().gateway;
  const server = await startServer({
    name: "gateway",
    services: [GatewayService],
    routes,
    log,
    grpc: {},
    http: { app },
  });
  const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` }, { apiKey: "a-secret-key" });
  const client = connection.client(GatewayService);
  await client.complete(chat("a private question"), { headers: { "x-request-id": "id-1" } });
  await client
    .complete(chat("private", { model: "nope" }), { headers: { "x-request-id": "id-2" } })
    .catch(() => undefined);
  for await (const _ of client.generate(chat("private"), { headers: { "x-request-id": "id-3" } }));
  await fetch(`http://127.0.0.1:${server.httpPort}/v1/chat/completions?token=secret`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "id-4" },
    body: JSON.stringify(chatBody("private")),
  });
  await until(() => lines.length >= 4);
  const seen = Object.fromEntries(
    lines.map((line) => JSON.parse(line)).map((line) => [line.requestId, line]),
  );
  const rpc = "trimtab.gateway.v1.GatewayService";
  expect(seen["id-1"]).toMatchObject({ rpc: `${rpc}/Complete`, outcome: "ok", component: "gateway" });
  expect(seen["id-2"]).toMatchObject({ rpc: `${rpc}/Complete`, outcome: "MODEL_NOT_FOUND" });
  expect(seen["id-3"]).toMatchObject({ rpc: `${rpc}/Generate`, outcome: "ok" });
  expect(seen["id-4"]).toMatchObject({ method: "POST", path: "/v1/chat/completions", status: 200 });
  expect(lines.join("")).not.toMatch(/private|help|secret/);
  connection.close();
  await server.close({ graceMs: 0 });
});

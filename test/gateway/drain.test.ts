/** A gateway that is told to end: what outlives the grace over the OpenAI API ends with a reason, as over gRPC, and is not cut off. */
import { expect, test } from "bun:test";
import { startServer } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chatBody, until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

test("X25 an answer and a stream that outlive the grace end with SERVICE_UNAVAILABLE", async () => {
  const { gateway, forward } = createSimulatedStack();
  const server = await startServer({
    ...{ name: "gateway", services: [GatewayService], routes: gateway.routes, endCalls: gateway.close },
    http: { port: 0, app: gateway.app },
  });
  forward.beforeToken = (_sequence, index) => (index < 2 ? undefined : new Promise(() => {}));
  const ask = (more: object) =>
    fetch(`http://127.0.0.1:${server.httpPort}/v1/chat/completions`, {
      ...{ method: "POST", headers: { "content-type": "application/json" } },
      body: JSON.stringify(chatBody("hello", more)),
    });
  const stream = await ask({ stream: true });
  const whole = ask({});
  await until(() => gateway.running() === 2);
  await server.close({ graceMs: 100 });
  const events = (await stream.text()).trim().split("\n\n");
  const unavailable = { error: { type: "service_unavailable_error", code: "server_is_overloaded" } };
  expect(JSON.parse(events.at(-1)?.slice("data: ".length) ?? "")).toMatchObject(unavailable);
  expect((await whole).status).toBe(503);
  expect(await (await whole).json()).toMatchObject(unavailable);
});

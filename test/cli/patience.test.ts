/** A command waits for its answer as long as a request may take: long answers take longer than other calls may. */
import { expect, test } from "bun:test";
import { startServer } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { connectGateway } from "../../cli/src/compose.ts";

test("a command's call without a deadline of its own has ten minutes", async () => {
  let givenMs: number | undefined;
  const server = await startServer({
    ...{ name: "gateway", services: [GatewayService], grpc: { port: 0 } },
    routes: (router) =>
      void router.service(GatewayService, {
        complete(_request, context) {
          givenMs = context.timeoutMs();
          return {};
        },
      }),
  });
  try {
    await connectGateway(`127.0.0.1:${server.grpcPort}`).complete({});
    expect(givenMs).toBeGreaterThan(500_000);
    expect(givenMs).toBeLessThanOrEqual(600_000);
  } finally {
    await server.close({ graceMs: 0 });
  }
});

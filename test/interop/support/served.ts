/** A gateway on real sockets for clients in other languages and libraries. */
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { createMetrics } from "#kit/metrics.ts";
import { startServer } from "#kit/server.ts";
import { createSimulatedStack } from "../../gateway/support/simulated-services.ts";

/** Where the gateway listens, and how to steer it. */
export interface Served {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** A steering request as JSON, in snake_case. */
  readonly steering: string;
  close(): Promise<void>;
}

/** Starts it. */
export async function serveGateway(): Promise<Served> {
  const { gateway } = createSimulatedStack();
  const server = await startServer({
    name: "gateway",
    services: [GatewayService],
    routes: gateway.routes,
    grpc: { port: 0 },
    http: { port: 0, app: gateway.app },
    metrics: createMetrics("gateway"),
  });
  return {
    grpcPort: server.grpcPort,
    httpPort: server.httpPort,
    steering: '{"recipe": "refusal"}',
    async close() {
      gateway.close();
      await server.close({ graceMs: 100 });
    },
  };
}

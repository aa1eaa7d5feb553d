/** A gateway with API keys in front of simulated services. */
import { keyDigest, type StoredKey } from "#kit/api-keys.ts";
import type { KeyGate } from "#kit/auth.ts";
import { type Server, startServer } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { createSimulatedStack, type SimulatedStack } from "./simulated-services.ts";

/** The stored key whose text is `key-of-NAME`. */
export const keyed = (name: string, rights: Partial<StoredKey> = {}): StoredKey => ({
  ...{ name, digest: keyDigest(`key-of-${name}`), operator: false, priority: "normal" },
  ...rights,
});

/** Starts it, over gRPC and HTTP on free ports. */
export async function startKeyedStack(
  gate: KeyGate,
): Promise<{ readonly stack: SimulatedStack; readonly server: Server }> {
  const stack = createSimulatedStack({ gate });
  const { routes, app } = stack.gateway;
  const base = { name: "gateway", services: [GatewayService], routes, gate };
  return { stack, server: await startServer({ ...base, grpc: { port: 0 }, http: { port: 0, app } }) };
}

/** All RPCs of the gateway. */
import type { ConnectRouter } from "@connectrpc/connect";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { GatewayContext } from "../context.ts";
import { artifactHandlers } from "./artifacts.ts";
import { buildHandlers } from "./builds.ts";
import { catalogHandlers } from "./catalog.ts";
import { generationHandlers } from "./generation.ts";
import { modelHandlers } from "./models.ts";
import { readingHandlers } from "./reading.ts";

/** Registers GatewayService. */
export function gatewayRoutes(gateway: GatewayContext): (router: ConnectRouter) => void {
  return (router) =>
    void router.service(GatewayService, {
      ...generationHandlers(gateway),
      ...readingHandlers(gateway),
      ...catalogHandlers(gateway),
      ...modelHandlers(gateway),
      ...artifactHandlers(gateway),
      ...buildHandlers(gateway),
    });
}

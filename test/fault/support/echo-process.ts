/** The stand-in services in a process of their own; prints its port. `TRIMTAB_FLOOD`: writes far more log than a pipe holds. */
import { createLogger } from "#kit/log.ts";
import { startServer } from "#kit/server.ts";
import { createEcho, ECHO_SERVICES } from "../../services/kit/echo.ts";

const { routes } = createEcho();
const server = await startServer({ name: "echo", services: ECHO_SERVICES, routes, grpc: {}, internal: true });
process.stdout.write(`${server.grpcPort}\n`);
if (process.env["TRIMTAB_FLOOD"] !== undefined) {
  const log = createLogger("flood");
  setInterval(() => {
    for (let i = 0; i < 100; i++) log.log("debug", "x".repeat(900));
  }, 10);
}

/** Child process of the supervisor tests: the stand-in services on a Unix socket; `fail` exits at once. */
import { startServer } from "#kit/server.ts";
import { exitWithParent } from "#kit/supervisor.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const [socketPath = "", mode] = process.argv.slice(2);
if (mode === "fail") process.exit(3);
exitWithParent();
await startServer({
  name: "child",
  services: ECHO_SERVICES,
  routes: createEcho().routes,
  grpc: { socketPath },
  internal: true,
});

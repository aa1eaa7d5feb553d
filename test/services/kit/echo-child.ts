/** Child process of the supervisor tests: the stand-in services on a Unix socket; while a file beside it holds a status, it exits with that. */
import { existsSync, readFileSync } from "node:fs";
import { startServer } from "#kit/server.ts";
import { exitWithParent } from "#kit/supervisor.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const [socketPath = ""] = process.argv.slice(2);
const statusFile = `${socketPath}.status`;
if (existsSync(statusFile)) process.exit(Number(readFileSync(statusFile, "utf8")));
exitWithParent();
await startServer({
  name: "child",
  services: ECHO_SERVICES,
  routes: createEcho().routes,
  grpc: { socketPath },
  internal: true,
});

/** Parent process of the orphan test: supervises one child, prints its pid, then waits to be killed. */
import { join } from "node:path";
import { supervise } from "#kit/supervisor.ts";

const [socketPath = ""] = process.argv.slice(2);
const child = supervise({
  command: [process.execPath, join(import.meta.dir, "echo-child.ts"), socketPath],
  socketPath,
});
await child.ready();
process.stdout.write(`${child.pid}\n`);

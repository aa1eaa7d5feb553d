/** `trimtab serve` as a user starts it: all services, in processes of their own. */
import { join } from "node:path";

const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");
const READY = /gRPC [\d.]+:(\d+), HTTP http:\/\/[\d.]+:(\d+)/;

/** A running `trimtab serve`. */
export interface Whole {
  readonly pid: number;
  readonly grpcPort: number;
  readonly httpPort: number;
  stop(): Promise<number>;
}

/** Starts it and waits until it serves. @throws Error if it ends before. */
export async function startWhole(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Whole> {
  const ports = ["--grpc-port", "0", "--http-port", "0"];
  const child = Bun.spawn([process.execPath, MAIN, "serve", ...ports, ...args], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    env: { ...process.env, ...env },
  });
  const stop = async (): Promise<number> => {
    child.kill("SIGTERM");
    return await child.exited;
  };
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of child.stdout) {
    said += decoder.decode(chunk, { stream: true });
    const found = READY.exec(said);
    if (found) return { pid: child.pid, grpcPort: Number(found[1]), httpPort: Number(found[2]), stop };
  }
  await stop();
  throw new Error("trimtab serve ended before it was ready");
}

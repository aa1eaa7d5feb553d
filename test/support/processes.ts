/** Real service processes, started through the command line as a user would, each ended by its own id. */
import { connect } from "node:net";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { readTls, type TlsFiles, type TlsIdentity } from "#kit/tls.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#proto/health/v1/health_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");
const READY_MS = 90_000;

/** A process of ours. */
export interface ServiceProcess {
  readonly process: Bun.Subprocess;
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts `trimtab serve --service …` and waits until its health check answers SERVING. */
export async function startServiceProcess(
  service: string,
  addresses: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const others = Object.entries(addresses).flatMap(([name, at]) => [`--${name}`, at]);
  const child = Bun.spawn(
    [
      process.execPath,
      MAIN,
      "serve",
      "--service",
      service,
      ...["--listen", "127.0.0.1:0", "--http-port", "0", "--json"],
      ...others,
    ],
    { stdout: "pipe", stderr: "inherit", env: { ...process.env, ...env } },
  );
  // A gateway is asked in clear text, whatever its services speak among themselves.
  const tls = service === "gateway" ? undefined : readTls(tlsFilesOf(env));
  let address = "";
  try {
    address = `127.0.0.1:${await portOf(child)}`;
    await untilServing(address, child, tls);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    process: child,
    address,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** The port a service says it listens on: one that is asked for could be taken by another process before it is. */
async function portOf(child: Bun.Subprocess<"ignore", "pipe", "inherit">): Promise<number> {
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes("\n")) return (JSON.parse(said) as { grpcPort: number }).grpcPort;
  }
  throw new Error(`the service ended with ${await child.exited} before it listened`);
}

function tlsFilesOf(env: Readonly<Record<string, string>>): TlsFiles {
  return { cert: env["TRIMTAB_TLS_CERT"], key: env["TRIMTAB_TLS_KEY"], ca: env["TRIMTAB_TLS_CA"] };
}

async function untilServing(address: string, child: Bun.Subprocess, tls?: TlsIdentity): Promise<void> {
  const deadline = Date.now() + READY_MS;
  const [host = "", port = ""] = address.split(":");
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the service on ${address} ended with ${child.exitCode}`);
    if (!(await accepts(host, Number(port)))) continue;
    const connection = connectTo({ address }, { tls });
    const answer = await connection
      .client(Health)
      .check({}, { timeoutMs: 1_000 })
      .catch(() => undefined);
    connection.close();
    if (answer?.status === Status.SERVING) return;
  }
  throw new Error(`the service on ${address} was not ready after ${READY_MS} ms`);
}

/** Resolves once the port takes or refuses a connection; a refusal is answered after the kernel's own pace. */
function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => setTimeout(() => resolve(false), 20));
  });
}

/** Five processes that find each other by address. */
export interface ProcessStack {
  readonly services: Readonly<Record<string, ServiceProcess>>;
  readonly gateway: ReturnType<typeof gatewayClient>;
  close(): Promise<void>;
}

/** A gateway client over a real gRPC socket. */
export function gatewayClient(address: string) {
  return connectTo({ address }).client(GatewayService);
}

/** Starts all five. */
export async function startProcessStack(env: Readonly<Record<string, string>> = {}): Promise<ProcessStack> {
  const services: Record<string, ServiceProcess> = {};
  const close = async (): Promise<void> => {
    await Promise.all(Object.values(services).map((s) => s.stop()));
  };
  try {
    const start = async (name: string): Promise<void> => {
      const known = Object.entries(services).map(([other, { address }]) => [other, address] as const);
      services[name] = await startServiceProcess(name, Object.fromEntries(known), env);
    };
    // Both have started, or failed, before either failure ends the other.
    const first = await Promise.allSettled(["tokenizer", "forward"].map(start));
    for (const outcome of first) if (outcome.status === "rejected") throw outcome.reason;
    for (const name of ["verifier", "steering", "gateway"]) await start(name);
    return { services, gateway: gatewayClient(services["gateway"]!.address), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * What is evaluated and who judges: the services reached by their public gateway, and a verifier service of our own as the
 * referee, so that an answer is graded by the same program whatever was served.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { type Connection, connectTo } from "#kit/clients.ts";
import { supervise, type Supervisor } from "#kit/supervisor.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";

/** Clients of the services. */
export interface Services {
  readonly gateway: Client<typeof GatewayService>;
  readonly referee: Client<typeof VerifierService>;
  close(): Promise<void>;
}

/** Which services. */
export interface ServicesOptions {
  /** gRPC address of a running gateway; without it the services are started. */
  readonly address?: string;
  /** Path, or name in the cache: the command line's own `--model`. */
  readonly model?: string;
  readonly threads: number;
}

/** An evaluation asks for much at once and has time: it waits behind everybody else instead of being refused. */
const PATIENT = { priority: "low" } as const;
/** On a machine that has much else to do; what can never start ends at once. */
const READY_MS = 600_000;
const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");

/** The served model of a name; without such a one the first. @throws Error if none is served. */
export function pickModel<M extends { readonly name: string }>(models: readonly M[], name?: string): M {
  const model = models.find((one) => one.name === name) ?? models[0];
  if (model === undefined) throw new Error("no model is served");
  return model;
}

/** Starts what is not running yet. @throws TrimtabError SERVICE_UNAVAILABLE if it does not become ready, and why it never can. */
export async function openServices({ address, model, threads }: ServicesOptions): Promise<Services> {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-eval-"));
  const children: Supervisor[] = [];
  const connections: Connection[] = [];
  const startAlone: StartAlone = (name, service, calls) => {
    const socketPath = join(directory, `${name}.sock`);
    const addresses = Object.entries(calls).flatMap(([called, at]) => [`--${called}`, at]);
    const http = service === "gateway" ? ["--http-port", "0"] : [];
    const command = [
      ...[process.execPath, MAIN, "serve", "--service", service, "--listen", `unix:${socketPath}`],
      ...(model === undefined ? [] : ["--model", model]),
      ...["--threads", String(threads), "--supervised", ...addresses, ...http],
    ];
    children.push(supervise({ command, socketPath, readyMs: READY_MS }));
    return socketPath;
  };
  const connect = (socketPath: string): Connection => {
    const connection = connectTo({ socketPath }, PATIENT);
    connections.push(connection);
    return connection;
  };
  const close = async (): Promise<void> => {
    for (const connection of connections) connection.close();
    await Promise.all(children.map((child) => child.close()));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    // The referee asks no model: programs alone.
    const nobody = `unix:${join(directory, "none.sock")}`;
    const referee = connect(startAlone("referee", "verifier", { tokenizer: nobody, forward: nobody }));
    let gateway: Connection;
    if (address === undefined) gateway = connect(startAll(startAlone));
    else connections.push((gateway = connectTo({ address }, PATIENT)));
    // Whichever fails for good ends the run: the others wait for nothing then.
    await Promise.all(children.map((child) => child.ready()));
    return { gateway: gateway.client(GatewayService), referee: referee.client(VerifierService), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type StartAlone = (name: string, service: string, calls: Readonly<Record<string, string>>) => string;

/** Five processes; answers with the gateway's socket. */
function startAll(startAlone: StartAlone): string {
  const calls: Record<string, string> = {};
  for (const service of ["tokenizer", "forward", "verifier", "steering"]) {
    const needed = service === "tokenizer" || service === "forward" ? {} : { ...calls };
    calls[service] = `unix:${startAlone(service, service, needed)}`;
  }
  return startAlone("gateway", "gateway", calls);
}

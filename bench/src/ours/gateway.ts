/** The whole of Trimtab as a user starts it: `trimtab serve` in a process of its own, reached over gRPC and HTTP. */
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { ownKey } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

/** A gateway to be timed. */
export interface GatewayUnderTest {
  readonly client: Client<typeof GatewayService>;
  /** `host:port` of the gRPC API. */
  readonly address: string;
  /** `http://host:port` of the OpenAI API. */
  readonly url: string;
  /** The process of the gateway; forward is a child of it. */
  readonly pid: number;
  close(): Promise<void>;
}

const MAIN = join(import.meta.dir, "..", "..", "..", "cli", "main.ts");
const READY_LINE = /gRPC ([\d.]+:\d+), HTTP (http:\/\/[\d.]+:\d+)/;

/** Starts all services with `threads` compute threads and `more` options of `serve`. @throws Error when they do not get ready. */
export async function startGateway(
  modelPath: string,
  threads: number | string,
  more: readonly string[] = [],
): Promise<GatewayUnderTest> {
  const child = Bun.spawn(
    [
      ...[process.execPath, MAIN, "serve", "--grpc-port", "0", "--http-port", "0"],
      ...["--model", modelPath, "--threads", String(threads), ...more],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await child.exited;
  };
  const [, address = "", url = ""] = (await findLine(child.stdout)) ?? [];
  if (address === "") {
    await stop();
    throw new Error("trimtab serve ended before it was ready");
  }
  const [host, port] = address.split(":");
  const connection = connectTo({ address: `${host}:${port}` }, { apiKey: ownKey() });
  return {
    client: connection.client(GatewayService),
    address,
    url,
    pid: child.pid,
    async close() {
      connection.close();
      await stop();
    },
  };
}

async function findLine(output: ReadableStream<Uint8Array>): Promise<RegExpExecArray | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    const found = READY_LINE.exec(text);
    if (found) return found;
  }
  return undefined;
}

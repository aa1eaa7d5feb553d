/** A TCP proxy between a client and a server that makes the network bad: slow, sliced, silent, or cut. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What the proxy does to bytes in both directions. */
export type Mode =
  | "pass"
  /** Byte by byte, each in a write of its own. */
  | "slice"
  /** In pieces with pauses: about 1 Mbit/s. */
  | "slow"
  /** Nothing arrives any more, and nobody is told: a half-open connection. */
  | "silent"
  /** New connections are accepted and closed. */
  | "close"
  /** New connections are answered with a page. */
  | "page";

/** A running proxy. */
export interface Proxy {
  readonly port: number;
  mode: Mode;
  close(): void;
}

const SLOW_BYTES = 1_250;
const SLOW_PAUSE_MS = 10;
const PAGE = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 12\r\n\r\n<h1>hi</h1>\n";

/** Starts a proxy in front of a port of this machine. */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const proxy = { mode: "pass" as Mode };
  const pump = (from: Socket, to: Socket): void => {
    let last = Promise.resolve();
    from.on("data", (chunk: Buffer) => {
      last = last.then(() => forward(chunk, to, () => proxy.mode));
    });
    from.on("close", () => void last.then(() => to.end()));
    from.on("error", () => to.destroy());
  };
  const server = createServer((client) => {
    client.on("error", () => undefined);
    if (proxy.mode === "close") return void client.destroy();
    if (proxy.mode === "page") return void client.end(PAGE);
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) sockets.add(socket.setNoDelay(true));
    pump(client, upstream);
    pump(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
}

async function forward(chunk: Buffer, to: Socket, mode: () => Mode): Promise<void> {
  if (mode() === "silent" || to.destroyed) return;
  const step = mode() === "slice" ? 1 : mode() === "slow" ? SLOW_BYTES : chunk.length;
  for (let at = 0; at < chunk.length; at += step) {
    to.write(chunk.subarray(at, at + step));
    if (mode() === "slow") await Bun.sleep(SLOW_PAUSE_MS);
  }
}

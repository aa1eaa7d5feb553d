/** A Unix socket that passes everything on to another one, and notes when something last came back. */
import { connect, createServer } from "node:net";

/** A running relay. */
export interface Relay {
  /** When the server behind it last sent something, on the clock of `performance.now()`. */
  readonly lastMs: number;
  close(): void;
}

/** Listens on `path` for connections to the server at `target`. */
export function startRelay(path: string, target: string): Relay {
  let lastMs = 0;
  const server = createServer((client) => {
    const upstream = connect(target);
    client.on("data", (bytes) => void upstream.write(bytes));
    upstream.on("data", (bytes) => {
      lastMs = performance.now();
      client.write(bytes);
    });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on("close", () => to.destroy());
      from.on("error", () => to.destroy());
    }
  });
  server.listen(path);
  return {
    get lastMs() {
      return lastMs;
    },
    close: () => void server.close(),
  };
}

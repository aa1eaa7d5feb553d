/**
 * A program that asks for what cannot be had, and says how long it took to be told so: requests to be answered within a millisecond,
 * which a gateway under load refuses at once. A process of its own, which carries no answers, on a bare socket: what it sees is
 * neither how busy the other clients are nor an HTTP client's threads. Told the target, a rate and seconds; answers with milliseconds
 * as one line of JSON.
 */
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { askForShortTurns } from "#kit/turns.ts";
import type { Target } from "./one-request.ts";

/** What the program is told, as JSON. */
export interface ProbeOrder {
  readonly target: Target;
  readonly perSecond: number;
  readonly seconds: number;
}

const { target, perSecond, seconds } = JSON.parse(process.argv[2] ?? "{}") as ProbeOrder;
const MS_PER_SECOND = 1_000;
const REFUSED = "HTTP/1.1 503";
/** Niceness of this process, where the system lets it: what it waits for a processor itself is not the server's. */
const PRIORITY = -10;
try {
  setPriority(PRIORITY);
} catch {
  // Without the right to, its own waiting is in the numbers.
}
askForShortTurns();

const times: number[] = [];
const beganMs = performance.now();
let socket = await open();
for (let number = 0; performance.now() - beganMs < seconds * MS_PER_SECOND; number++) {
  const request = requestOf(number);
  const sentMs = performance.now();
  const answer = await firstOf(socket, request);
  if (answer.startsWith(REFUSED)) times.push(performance.now() - sentMs);
  else {
    // There was room after all: leaving ends it.
    socket.destroy();
    socket = await open();
  }
  await Bun.sleep(Math.max(0, MS_PER_SECOND / perSecond - (performance.now() - sentMs)));
}
socket.destroy();
process.stdout.write(`${JSON.stringify(times)}\n`);

function open(): Promise<Socket> {
  const { hostname, port } = new URL(target.url);
  return new Promise((resolve, reject) => {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(opened));
    opened.once("error", reject);
  });
}

function requestOf(number: number): string {
  const body = JSON.stringify({
    messages: [
      { role: "user", content: `${number}. Explain to a class of twelve year olds why people care.` },
    ],
    ...{ model: target.model, max_tokens: 16, stream: true },
  });
  const head = [
    ...["POST /v1/chat/completions HTTP/1.1", `host: ${new URL(target.url).host}`],
    ...["content-type: application/json", `content-length: ${Buffer.byteLength(body)}`],
    "x-stainless-timeout: 0.001",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** The first bytes that come back; a refusal is one write. */
async function firstOf(to: Socket, request: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onData = (bytes: Buffer): void => resolve(bytes.toString("latin1"));
  const onClose = (): void => reject(new Error("the connection was closed"));
  to.on("data", onData).on("close", onClose);
  to.write(request);
  try {
    return await promise;
  } finally {
    to.off("data", onData).off("close", onClose);
  }
}

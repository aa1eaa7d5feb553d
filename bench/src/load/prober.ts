/**
 * A program that asks for what cannot be had, and says how long it took to be told so: requests to be answered within a millisecond,
 * which a gateway under load refuses at once. A process of its own, which carries no answers, on a bare socket: what it sees is
 * neither how busy the other clients are nor an HTTP client's threads. The machine is shared all the same, so it also says how long it
 * was itself ready and had no processor: that is no time of the server's. Told the target, a rate and seconds; answers with its refusals
 * as one line of JSON.
 */
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { processorMs, waitedMs } from "#kit/process-time.ts";
import { askForShortTurns } from "#kit/turns.ts";
import type { Target } from "./one-request.ts";

/** What the program is told, as JSON. */
export interface ProbeOrder {
  readonly target: Target;
  readonly perSecond: number;
  readonly seconds: number;
  /** Process of the server. */
  readonly serverPid: number;
}

/** One call that was refused; times in milliseconds. */
export interface Probe {
  readonly totalMs: number;
  /** This process was ready and had no processor. */
  readonly ownWaitMs: number;
  /** The first thread of the server was ready and had no processor, and had one. */
  readonly serverWaitMs: number;
  readonly serverRunMs: number;
}

const { target, perSecond, seconds, serverPid } = JSON.parse(process.argv[2] ?? "{}") as ProbeOrder;
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

const probes: Probe[] = [];
const server = `/proc/${serverPid}`;
const beganMs = performance.now();
let socket = await open();
for (let number = 0; performance.now() - beganMs < seconds * MS_PER_SECOND; number++) {
  const request = requestOf(number);
  const before = clocks();
  const sentMs = performance.now();
  const answer = await firstOf(socket, request);
  const totalMs = performance.now() - sentMs;
  const after = clocks();
  if (answer.startsWith(REFUSED)) {
    const [ownWaitMs, serverWaitMs, serverRunMs] = [
      after.own - before.own,
      after.wait - before.wait,
      after.run - before.run,
    ];
    probes.push({ totalMs, ownWaitMs, serverWaitMs, serverRunMs });
  } else {
    // There was room after all: leaving ends it.
    socket.destroy();
    socket = await open();
  }
  await Bun.sleep(Math.max(0, MS_PER_SECOND / perSecond - (performance.now() - sentMs)));
}
socket.destroy();
process.stdout.write(`${JSON.stringify(probes)}\n`);

/** What has run and waited until now; 0 where the system does not tell. */
function clocks() {
  const own = waitedMs("/proc/thread-self") ?? 0;
  return { own, wait: waitedMs(server) ?? 0, run: processorMs(server) ?? 0 };
}

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

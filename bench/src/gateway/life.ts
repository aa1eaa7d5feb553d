/** A served Trimtab from start to end: time to READY, processor time at rest, after a fault, and streams that a drain drops. */
import { join } from "node:path";
import type { Target } from "../load/one-request.ts";
import { sendRequest } from "../load/one-request.ts";
import { type GatewayUnderTest, startGateway } from "../ours/gateway.ts";
import { onlyChild, processorSeconds } from "../ours/processes.ts";

const FREEZER = join(import.meta.dir, "..", "..", "..", "test", "fault", "support", "freeze_thread.py");
const STREAMS = 8;
const FIRST_TOKENS_MS = 500;

/** Seconds from the start of the process to the line that says it serves; the model is in the cache. */
export async function timeStart(model: string, threads: string): Promise<number> {
  const began = performance.now();
  const gateway = await startGateway(model, threads);
  const seconds = (performance.now() - began) / 1_000;
  await gateway.close();
  return seconds;
}

/** Processor time of gateway and forward while nobody asks, percent of one core. */
export async function idlePercent({ pid }: GatewayUnderTest, seconds: number): Promise<number> {
  const forward = await onlyChild(pid);
  const used = async (): Promise<number> => (await processorSeconds(pid)) + (await processorSeconds(forward));
  const before = await used();
  await Bun.sleep(seconds * 1_000);
  return (((await used()) - before) / seconds) * 100;
}

/** A compute thread that stops for ever: milliseconds from the end of its process to the next answer, or why it was not made. */
export async function timeAfterWedge(gateway: GatewayUnderTest, target: Target): Promise<number | string> {
  const wedged = await onlyChild(gateway.pid);
  const running = sendRequest(target, { content: "Tell me a long story.", maxTokens: 2_000 });
  await Bun.sleep(FIRST_TOKENS_MS);
  const freezer = Bun.spawn(["python3", FREEZER, String(wedged)], { stdin: "pipe", stdout: "pipe" });
  const { value } = await freezer.stdout.getReader().read();
  const said = new TextDecoder().decode(value);
  if (!said.startsWith("stopped")) return `ptrace is ${said.trim()}`;
  await running;
  // A process is gone only when who traces it lets go of its thread.
  freezer.stdin.end();
  await freezer.exited;
  const began = performance.now();
  for (;;) {
    const seen = await sendRequest(target, { content: "Hello", maxTokens: 1 });
    if (seen.kind === "answered") return performance.now() - began;
    await Bun.sleep(20);
  }
}

/** Ends the gateway while streams run: how many of them did not come to their end. */
export async function droppedByDrain(gateway: GatewayUnderTest, target: Target): Promise<number> {
  const streams = Array.from({ length: STREAMS }, (_, i) =>
    sendRequest(target, { content: `${i}. Tell me about the sea.`, maxTokens: 48 }),
  );
  await Bun.sleep(FIRST_TOKENS_MS);
  await gateway.close();
  return (await Promise.all(streams)).filter(({ kind }) => kind !== "answered").length;
}

/**
 * What lies between a client and the engine: time to the first token of a prompt of 32 tokens over the public gRPC API, beside
 * the engine's own session (a bare prefill and one step); and what a streamed token costs on top of a step.
 */
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Client } from "@connectrpc/connect";
import { generate, open, release } from "../ours/commands.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import { startGateway, type GatewayUnderTest } from "../ours/gateway.ts";
import { processorSeconds } from "../ours/processes.ts";
import { median, rowAlone, type BenchRow } from "../rows.ts";
import { comparePair, keyFor, type OwnBench } from "./pairs.ts";

const ROUND_FACTOR = 4;
const PROMPT_TOKENS = 32;
const STREAM_TOKENS = 160;
const STREAM_ROUNDS = 5;
const PEER = "Trimtab, session of the engine";

/** Rows `ttft` (ms) and `transport` (ms a token, p50). */
export async function measureGateway(bench: OwnBench): Promise<BenchRow[]> {
  const gateway = await startGateway(bench.modelPath, bench.threads);
  try {
    return [await measureFirstToken(bench, gateway), await measureStream(bench, gateway)];
  } finally {
    await gateway.close();
  }
}

function measureFirstToken(bench: OwnBench, { client }: GatewayUnderTest): Promise<BenchRow> {
  const { forward } = bench;
  const pair = {
    ...{ metric: "ttft", context: PROMPT_TOKENS, batch: 1, unit: "ms", peer: PEER },
    ours: async () => (await streamTimes(client, forward.newPrompt(PROMPT_TOKENS), 1))[0]!,
    theirs: async () => (await sessionTimes(forward, 1))[0]!,
  };
  return comparePair(bench, pair, ROUND_FACTOR * bench.rounds);
}

/** The p50 of the pause between two tokens at the client less that of the session, whose transport is not on the engine's way. */
async function measureStream(bench: OwnBench, { client, pid }: GatewayUnderTest): Promise<BenchRow> {
  const { forward } = bench;
  const added: number[] = [];
  const usedMs: number[] = [];
  for (let round = -1; round < STREAM_ROUNDS; round++) {
    const before = await processorSeconds(pid);
    const ours = pauses(await streamTimes(client, forward.newPrompt(PROMPT_TOKENS), STREAM_TOKENS));
    const used = (1000 * ((await processorSeconds(pid)) - before)) / STREAM_TOKENS;
    const theirs = pauses(await sessionTimes(forward, STREAM_TOKENS));
    if (round < 0) continue;
    added.push(median(ours) - median(theirs));
    usedMs.push(used);
  }
  const note = `the gateway's process uses ${median(usedMs).toFixed(2)} ms of processor time a token`;
  return rowAlone(keyFor(bench, "transport", PROMPT_TOKENS, 1, "none"), "ms a token", added, note);
}

/** Milliseconds from the request to each piece of text. */
async function streamTimes(
  client: Client<typeof GatewayService>,
  ids: readonly number[],
  maxTokens: number,
): Promise<number[]> {
  const times: number[] = [];
  const beganMs = performance.now();
  const spec = {
    ...{ prompt: { case: "ids" as const, value: { ids: [...ids] } }, maxTokens },
    sampling: { temperature: 0 },
  };
  for await (const { event } of client.generate({ spec })) {
    // A token that ends inside a character shows with the next one or at the end.
    if (event.case === "delta" || (event.case === "finished" && times.length === 0)) {
      times.push(performance.now() - beganMs);
    }
  }
  return times;
}

/** Milliseconds from the commands to each token of a new sequence. */
async function sessionTimes(forward: ForwardUnderTest, maxTokens: number): Promise<number[]> {
  const { session, newId, newPrompt } = forward;
  const id = newId();
  const times: number[] = [];
  const ids = newPrompt(PROMPT_TOKENS);
  const beganMs = performance.now();
  await session.run([open(id, ids), generate(id, maxTokens)], ({ event }) => {
    if (event.case === "tokens") times.push(performance.now() - beganMs);
    return event.case === "finished" || undefined;
  });
  await session.run([release([id])], ({ event }) => event.case === "done" || undefined);
  return times;
}

const pauses = (times: readonly number[]): number[] => times.slice(1).map((time, i) => time - times[i]!);

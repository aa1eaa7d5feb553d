/**
 * Time to the first token of a prompt of 32 tokens over the public gRPC API, beside the engine's own session (a bare prefill
 * and one step).
 */
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Client } from "@connectrpc/connect";
import { generate, open, release } from "../ours/commands.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import { startGateway, type GatewayUnderTest } from "../ours/gateway.ts";
import type { BenchRow } from "../rows.ts";
import { comparePair, type OwnBench } from "./pairs.ts";

const ROUND_FACTOR = 4;
const QUICK_ROUND_FACTOR = 1.4;
const PROMPT_TOKENS = 32;
const PEER = "Trimtab, session of the engine";

/** Row `ttft` (ms). */
export async function measureFirstToken(bench: OwnBench): Promise<BenchRow[]> {
  const gateway = await startGateway(bench.modelPath, bench.threads);
  try {
    return [await compareFirstToken(bench, gateway)];
  } finally {
    await gateway.close();
  }
}

function compareFirstToken(bench: OwnBench, { client }: GatewayUnderTest): Promise<BenchRow> {
  const { forward } = bench;
  const pair = {
    ...{ metric: "ttft", context: PROMPT_TOKENS, batch: 1, unit: "ms", peer: PEER },
    ours: () => gatewayMs(client, forward.newPrompt(PROMPT_TOKENS)),
    theirs: () => sessionMs(forward),
  };
  return comparePair(bench, pair, (bench.quick ? QUICK_ROUND_FACTOR : ROUND_FACTOR) * bench.rounds);
}

/** Milliseconds from the request to the first piece of text. */
async function gatewayMs(client: Client<typeof GatewayService>, ids: readonly number[]): Promise<number> {
  const spec = {
    ...{ prompt: { case: "ids" as const, value: { ids: [...ids] } }, maxTokens: 1 },
    sampling: { temperature: 0 },
  };
  const beganMs = performance.now();
  let firstMs = Number.NaN;
  for await (const { event } of client.generate({ spec })) {
    // A token that ends inside a character shows at the end.
    if (Number.isNaN(firstMs) && (event.case === "delta" || event.case === "finished")) {
      firstMs = performance.now() - beganMs;
    }
  }
  return firstMs;
}

/** Milliseconds from the commands to the first token of a new sequence. */
async function sessionMs({ session, newId, newPrompt }: ForwardUnderTest): Promise<number> {
  const id = newId();
  const ids = newPrompt(PROMPT_TOKENS);
  const beganMs = performance.now();
  const firstMs = await session.run([open(id, ids), generate(id, 1)], ({ event }) =>
    event.case === "tokens" ? performance.now() - beganMs : undefined,
  );
  await session.run([release([id])], ({ event }) => event.case === "done" || undefined);
  return firstMs;
}

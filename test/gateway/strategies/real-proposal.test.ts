/** The steered model as a proposal on the real engine: both models' probabilities, read from the same tokens. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { type Served, serveGateway } from "../../interop/support/served.ts";

const TIMEOUT_MS = 300_000;
const CANDIDATES = 3;

let served: Served | undefined;
beforeAll(async () => {
  served = await serveGateway();
}, TIMEOUT_MS);
afterAll(() => served?.close());

/** Effective sample size of the final weights at a dose, and what the unsteered model read for them. */
async function proposed(relative: number) {
  const connection = connectTo({ address: `127.0.0.1:${served?.grpcPort ?? 0}` });
  const client = connection.client(GatewayService);
  const value = { messages: [{ role: "user", content: "How was your day?" }] };
  const scaling = {
    strategy: "steered-proposal",
    budget: { candidates: CANDIDATES },
    verifier: { name: "length", parameters: { max: 100_000 } },
    trace: true,
  };
  const use = { direction: "interop", dose: { dose: { case: "relative" as const, value: relative } } };
  const prompt = { case: "conversation" as const, value };
  const spec = { prompt, maxTokens: 10, sampling: { seed: 3n }, steering: { use }, scaling };
  let size = 0;
  let read = 0;
  let generated = 0;
  for await (const { event } of client.generate({ spec })) {
    if (event.case === "completed") {
      read = event.value.usage?.scaling?.verifierTokens ?? 0;
      generated = event.value.usage?.scaling?.generatedTokens ?? 0;
    }
    if (event.case !== "search" || event.value.event.case !== "resample") continue;
    size = event.value.event.value.effectiveSampleSize;
  }
  connection.close();
  return { size, read, generated };
}

test(
  "hardly steered candidates weigh the same, strongly steered ones do not; every token is read once",
  async () => {
    // Not exactly N: the engine quantizes activations, so the faintest push flips roundings.
    const faint = await proposed(0.001);
    expect(faint.size).toBeGreaterThan(0.85 * CANDIDATES);
    expect(faint.read).toBe(faint.generated);
    const strong = await proposed(0.4);
    expect(strong.size).toBeLessThan(0.9 * faint.size);
    expect(strong.read).toBe(strong.generated);
  },
  TIMEOUT_MS,
);

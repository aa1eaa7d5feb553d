/** A sweep: methods, blocks and doses measured on a recipe's validation prompts. The server keeps the table; the artifact says which it is. */
import { signal } from "@preact/signals";
import type { FitArtifactRequestSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { gateway } from "../lib/client.ts";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { storedWords } from "../lib/stored.ts";
import { loadCatalog, model } from "../state/catalog.ts";

/** What is swept. */
export const sweepSettings = storedWords("sweep", {
  name: "swept",
  recipe: "refusal",
  /** Lists, as typed: comma-separated. */
  methods: "response_contrast",
  layers: "9, 12, 15",
  doses: "0.1, 0.2, 0.4",
  width: 3,
  promptsPerClass: 64,
  tokenBudget: 4_000,
});

/** One measured point. */
export interface SweepPoint {
  readonly method: string;
  readonly layers: readonly number[];
  /** Relative. */
  readonly dose: number;
  /** Rate of the behaviour on prompts to steer, and on prompts to leave alone. */
  readonly effect: number;
  readonly falseEffect: number;
  /** Prompts of each class. */
  readonly n: number;
  readonly repetition: number;
  readonly perplexityRatio: number;
  readonly nats: number;
  /** No other point beats it in everything. */
  readonly pareto: boolean;
  /** The artifact is made of it. */
  readonly chosen: boolean;
}

/** A sweep under way, done, or failed. */
export interface Sweep {
  readonly name: string;
  readonly detail: string;
  readonly points: readonly SweepPoint[];
  readonly problem: Problem | null;
  readonly isRunning: boolean;
}

/** The sweep shown; null before the first. */
export const sweep = signal<Sweep | null>(null);
let stopping = new AbortController();

/** The request of a sweep with the settings of now. */
export function sweepRequest(): MessageInitShape<typeof FitArtifactRequestSchema> {
  const { name, recipe, methods, layers, doses, ...counts } = sweepSettings.value;
  const options = {
    ...{ methods: listOf(methods), layers: listOf(layers).map(Number), doses: listOf(doses).map(Number) },
    ...{ width: counts.width, promptsPerClass: counts.promptsPerClass },
    tokenBudget: BigInt(counts.tokenBudget),
  };
  return { model: model.value?.name ?? "", fit: { name, method: "sweep", recipe, options, force: true } };
}

/** Stops waiting for the sweep; the server ends it with the request. */
export function stopSweep(): void {
  stopping.abort();
}

/** Runs a sweep and shows its table. */
export async function runSweep(): Promise<void> {
  const stop = (stopping = new AbortController());
  const { name } = sweepSettings.value;
  const show = (part: Partial<Sweep>) => {
    const fresh = { name, detail: "", points: [], problem: null, isRunning: true };
    if (stopping === stop) sweep.value = { ...(sweep.value?.name === name ? sweep.value : fresh), ...part };
  };
  show({ detail: "", points: [], problem: null, isRunning: true });
  try {
    let table = "";
    for await (const { fit } of gateway.fitArtifact(sweepRequest(), { signal: stop.signal })) {
      if (fit?.event.case === "progress")
        show({ detail: `${fit.event.value.detail}, ${fit.event.value.tokens} tokens` });
      if (fit?.event.case === "artifact") table = fit.event.value.madeFrom["table"] ?? "";
    }
    show({ points: await readPoints(table), detail: "" });
    await loadCatalog();
  } catch (error) {
    if (stop.signal.aborted) show({ detail: "stopped" });
    else show({ problem: describeProblem(error) });
  }
  show({ isRunning: false });
}

async function readPoints(reference: string): Promise<SweepPoint[]> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const { chunk } of gateway.getArtifact({ reference }))
    text += decoder.decode(chunk, { stream: true });
  const { rows } = JSON.parse(text + decoder.decode()) as { readonly rows: SweepPoint[] };
  return rows;
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

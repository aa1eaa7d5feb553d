/**
 * A gateway without a model, for measuring the page alone: 40 blocks, two answers of 2,000 tokens with their alternatives, a
 * token each at a steady pace, activations of any token. It serves the page's own files beside the API.
 */
import { join } from "node:path";
import type { ConnectRouter } from "@connectrpc/connect";
import { Hono } from "hono";
import { createLogger } from "#kit/log.ts";
import { startServer } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";

/** Size of what the page is shown. */
export const SHOWN = { tokens: 2_000, layers: 40 } as const;

const PACE_MS = 4;
/** Silence before the first token, by which its arrival is told from that of the events before it. */
export const SILENCE_MS = 400;
const WIDTH = 32;
const FLOAT_BYTES = 4;
const ALTERNATIVES = 5;
const VOCABULARY = 50_000;
const WORDS = [" the", " sea", " moves", " and", " turns", ",", " slowly", "\n", " towards", " a", " shore"];

/** A running server. */
export interface SyntheticGateway {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it over the files of a built page. */
export async function startSyntheticGateway(directory: string): Promise<SyntheticGateway> {
  const app = new Hono();
  app.get("/", () => new Response(Bun.file(join(directory, "index.html"))));
  app.get("/page/:name", ({ req }) => new Response(Bun.file(join(directory, req.param("name")))));
  const server = await startServer({
    ...{ name: "synthetic", services: [GatewayService], routes, log: createLogger("synthetic") },
    http: { port: 0, app },
  });
  return { url: `http://127.0.0.1:${server.httpPort}/`, close: () => server.close({ graceMs: 0 }) };
}

function routes(router: ConnectRouter): void {
  const model = {
    ...{ name: "synthetic", digest: "00".repeat(32), architecture: "llama", loaded: true, width: WIDTH },
    ...{ layers: SHOWN.layers, contextTokens: 8_192, vocabularySize: VOCABULARY },
  };
  router.service(GatewayService, {
    listModels: () => ({ models: [model] }),
    listRecipes: () => ({}),
    listStrategies: () => ({}),
    listVerifiers: () => ({}),
    listArtifacts: () => ({ artifacts: [{ name: "synthetic", kind: ArtifactKind.DIRECTION }] }),
    detokenize: ({ ids }) => ({ tokens: ids.map(wordOf) }),
    async *generate({ spec }) {
      const count = spec?.maxTokens || SHOWN.tokens;
      const layerWeights = Array.from({ length: SHOWN.layers }, () => 1);
      yield { event: { case: "started" as const, value: { generationId: "synthetic" } } };
      yield { event: { case: "planned" as const, value: { report: { gate: 1, layerWeights } } } };
      await Bun.sleep(SILENCE_MS);
      for (let index = 0; index < count; index++) {
        for (const choice of [0, 1]) yield { event: deltaOf(choice, index) };
        await Bun.sleep(PACE_MS);
      }
      const proof = layerWeights.map((_, layer) => ({ layer, meanRelativeChange: 0.01 * (layer + 1) }));
      for (const choice of [0, 1])
        yield { event: { case: "finished" as const, value: { choice, generatedTokens: count, proof } } };
      const timings = { timeToFirstTokenMs: SILENCE_MS, tokensPerSecond: 1_000 / PACE_MS };
      yield { event: { case: "completed" as const, value: { timings } } };
    },
    score: ({ answerIds }) => ({
      answers: answerIds.map(({ ids }) => ({ tokens: ids.map((id) => ({ id, logprob: -1 })) })),
    }),
    async *capture({ answerIds, steering }) {
      const rows = answerIds?.ids.length ?? 0;
      for (let layer = 0; layer < SHOWN.layers; layer++)
        yield { activations: [{ layer, values: valuesOf(rows, layer, steering !== undefined) }] };
    },
  });
}

function wordOf(id: number): string {
  return WORDS[id % WORDS.length] ?? "";
}

/** A delta with alternatives, as the gateway sends it. */
function deltaOf(choice: number, index: number) {
  const id = index + choice;
  const text = wordOf(id);
  const top = Array.from({ length: ALTERNATIVES }, (_, rank) => ({ id: id + rank, logprob: -1 - rank }));
  const value = { choice, text, tokens: [{ id, logprob: -1, top }], tokenTexts: [text] };
  return { case: "delta" as const, value };
}

/** Rows of a block, f32 [rows, WIDTH]; steered rows differ by what grows with block and row. */
function valuesOf(rows: number, layer: number, isSteered: boolean) {
  const floats = new Float32Array(rows * WIDTH).fill(1);
  if (isSteered) for (let i = 0; i < floats.length; i++) floats[i] = 1 + (layer * i) / (floats.length * 40);
  const data = new Uint8Array(floats.buffer, 0, rows * WIDTH * FLOAT_BYTES);
  return { dataType: DataType.F32, shape: [rows, WIDTH], data };
}

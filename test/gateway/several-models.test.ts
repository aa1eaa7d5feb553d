/** Several models behind one gateway: loaded into forward and tokenizer together, on the real files. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { defaultModelPath, modelsDir } from "#kit/paths.ts";
import { ForwardService, type Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { GatewayService, type LoadModelRequestSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createGateway } from "../../gateway/index.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";
import { createForwardService } from "../../services/forward/index.ts";
import { createTokenizerService } from "../../services/tokenizer/index.ts";
import { reasonOf } from "../support/forward-service.ts";
import { writeSyntheticModel } from "../support/synthetic-model.ts";
import { bytePairMetadata, writeVocabulary } from "../support/vocabularies.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

setDefaultTimeout(120_000);
const SMOL = "smollm2-135m-instruct";
const GEMMA = "gemma-3-270m";
const PROMPT = "The capital of Italy is Rome. The capital of France is";
const directory = mkdtempSync(join(tmpdir(), "trimtab-several-"));
let parts: Awaited<ReturnType<typeof start>>;

async function start() {
  const modelDirectories = [directory, modelsDir()];
  const modelPath = defaultModelPath();
  const forward = await createForwardService({ modelPath, modelDirectories, threads: 1, contextTokens: 256 });
  const tokenizer = await createTokenizerService({ modelPath, modelDirectories });
  const clients = {
    ...createSimulatedStack().clients,
    forward: connectTo({ routes: forward.routes }).client(ForwardService),
    tokenizer: connectTo({ routes: tokenizer.routes }).client(TokenizerService),
  };
  const gateway = createGateway({ clients, gate: createKeyGate({ apiKey: "" }) });
  const client = connectTo({ routes: gateway.routes }).client(GatewayService);
  return { forward, tokenizer, clients, gateway, client };
}

beforeAll(async () => {
  await ensureTestModel("gemma");
  copyFileSync(await writeSyntheticModel(), join(directory, "no-tokenizer.gguf"));
  copyFileSync(await writeVocabulary("no-weights", bytePairMetadata()), join(directory, "no-weights.gguf"));
  parts = await start();
});
afterAll(async () => {
  parts?.gateway.close();
  parts?.tokenizer.close();
  await parts?.forward.close();
  rmSync(directory, { recursive: true, force: true });
});

async function load(request: MessageInitShape<typeof LoadModelRequestSchema>) {
  const progress: number[] = [];
  let model: Model | undefined;
  for await (const { event } of parts.client.loadModel(request)) {
    if (event.case === "progress") progress.push(Number(event.value.loadedBytes));
    if (event.case === "model") model = event.value;
  }
  return { progress, digest: model?.digest ?? "" };
}

async function complete(model: string) {
  const body = {
    model,
    prompt: PROMPT,
    max_tokens: 6,
    temperature: 0,
  };
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await parts.gateway.app.request("/v1/completions", request);
  const { choices, error } = (await response.json()) as {
    readonly choices?: readonly { readonly text: string }[];
    readonly error?: { readonly code: string };
  };
  return choices?.[0]?.text ?? error?.code;
}

async function listed(): Promise<string[]> {
  const response = await parts.gateway.app.request("/v1/models");
  const { data } = (await response.json()) as { readonly data: readonly { readonly id: string }[] };
  return data.map(({ id }) => id.toLowerCase());
}

const encoded = (modelDigest: string) => parts.clients.tokenizer.encode({ modelDigest, texts: ["Rome"] });

test("a model loaded beside another answers by its name, and after unloading only the other does", async () => {
  const before = await complete(SMOL);
  expect(before).toContain("Paris");
  const { digest, progress } = await load({ source: "gemma-3-270m-q4_k_m" });
  expect(progress.length).toBeGreaterThan(0);
  expect(await listed()).toEqual(["smollm2-135m-instruct.q4_1", "gemma-3-270m-q4_k_m"]);
  const [smol, gemma] = await Promise.all([complete(SMOL), complete(GEMMA)]);
  expect(smol).toBe(before);
  expect(gemma).toContain("Paris");
  expect(gemma).not.toBe(smol);
  expect(await complete("nobody")).toBe("model_not_found");
  const [twice, again] = await Promise.all([
    load({ source: "gemma-3-270m-q4_k_m.gguf" }),
    load({ source: "gemma-3-270m-q4_k_m", expectedDigest: digest }),
  ]);
  expect([twice.digest, again.digest]).toEqual([digest, digest]);
  expect(await listed()).toHaveLength(2);
  // Would run to the end of the context; its first text unloads its model.
  const prompt = { case: "text" as const, value: PROMPT };
  const running = (async () => {
    let unloading: Promise<unknown> | undefined;
    const request = { spec: { model: GEMMA, prompt, sampling: { temperature: 0 }, maxTokens: 200 } };
    for await (const { event } of parts.client.generate(request)) {
      if (event.case === "delta") unloading ??= parts.client.unloadModel({ model: GEMMA });
    }
  })();
  expect(await reasonOf(running)).toBe("MODEL_NOT_LOADED");
  expect(await complete(GEMMA)).toBe("model_not_found");
  expect(await reasonOf(encoded(digest))).toBe("MODEL_NOT_FOUND");
  expect(await reasonOf(parts.client.unloadModel({ model: digest }))).toBe("MODEL_NOT_FOUND");
  expect(await complete(SMOL)).toBe(before);
});

test("what one of the two services refuses is loaded into neither", async () => {
  const { clients } = parts;
  expect(await reasonOf(load({ source: "no-tokenizer" }))).toBe("TOKENIZER_INVALID");
  const { modelDigest } = await clients.tokenizer.loadModel({ source: "no-weights" });
  await clients.tokenizer.unloadModel({ modelDigest });
  expect(await reasonOf(load({ source: "no-weights" }))).toBe("ARTIFACT_INVALID");
  expect(await reasonOf(encoded(modelDigest))).toBe("MODEL_NOT_FOUND");
  expect(await listed()).toHaveLength(1);
});

test("unknown sources, paths outside, a wrong digest and a wrong type are refused, typed, and change nothing", async () => {
  const outside = await writeSyntheticModel();
  for (const source of ["missing", "", "a\0b", "/etc/passwd", "../models/../../etc/passwd", outside]) {
    expect(await reasonOf(load({ source }))).toBe("MODEL_NOT_FOUND");
  }
  const source = "gemma-3-270m-q4_k_m";
  expect(await reasonOf(load({ source, expectedDigest: "0".repeat(64) }))).toBe("MODEL_MISMATCH");
  expect(await reasonOf(load({ source, quantize: "q3" }))).toBe("INVALID_ARGUMENT");
  expect(await reasonOf(parts.client.unloadModel({}))).toBe("FIELD_REQUIRED");
  expect(await reasonOf(parts.client.unloadModel({ model: "nobody" }))).toBe("MODEL_NOT_FOUND");
  expect(await listed()).toHaveLength(1);
});

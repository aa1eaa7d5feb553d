/**
 * From the path of a decoder graph to a running engine core: read, check against `config.json`, start the runtime and the
 * kernel that samples. Memory: what the runtime takes, besides f32 [vocabulary] here.
 */
import { basename } from "node:path";
import { TrimtabError } from "#kit/errors.ts";
import type { JsonObject } from "#kit/json-file.ts";
import { readSideFile } from "#kit/model-directory.ts";
import { checkUnchanged, identityOfModel } from "#kit/model-identity.ts";
import { digestOfOnnx, onnxFolder, readOnnxFiles } from "#kit/onnx-model.ts";
import { readStopIds } from "#kit/stop-ids.ts";
import { readTokenizerMetadata } from "#kit/tokenizer-json.ts";
import { createCompute, createMemory, loadModule, planArena } from "#kernels";
import { DEFAULT_ONNX_KV_TOKENS, MAX_LOGIT_BIASES, MAX_ONNX_CONTEXT } from "../../../limits.ts";
import type { Capabilities } from "../../engine/capabilities.ts";
import type { Command, EngineEvent } from "../../engine/protocol.ts";
import type { ModelInfo, RuntimeOptions } from "../../engine/runtime.ts";
import { createSampler } from "../../engine/sampler.ts";
import { contradiction, unsupported } from "../../model/metadata.ts";
import { createOnnxCore } from "./core.ts";
import { createDecoder, type Decoder } from "./decoder.ts";

/** A running engine on the calling thread. */
export interface OnnxRuntime {
  readonly model: ModelInfo;
  readonly command: (command: Command) => void;
  close(): Promise<void>;
}

/** Nothing inside the graph can be changed; hidden states it gives out can be read. Runs do not depend on each other. */
function capabilitiesOf({ width }: Decoder): Capabilities {
  const sites = width === null ? [] : (["residual"] as const);
  return { backend: "onnx", sites, operations: [], deterministic: true, fork: true, gradients: false };
}

/**
 * Loads a graph and starts an engine.
 * @throws TrimtabError of the readers; MODEL_MISMATCH for another digest; BACKEND_CAPABILITY for graphs that are no
 *   decoders; ARTIFACT_INVALID where `config.json` and the graph contradict each other
 */
export async function loadOnnx(
  options: RuntimeOptions,
  emit: (event: EngineEvent) => void,
): Promise<OnnxRuntime> {
  const { modelPath, expectedDigest, quantize } = options;
  if (quantize !== null) throw unsupported("quantize", "quantizing an ONNX model");
  const identity = identityOfModel(modelPath);
  const files = readOnnxFiles(modelPath);
  const digest = digestOfOnnx(modelPath);
  checkUnchanged(modelPath, identity);
  if (expectedDigest !== "" && expectedDigest !== digest) {
    const message = `the model has the digest ${digest}`;
    throw new TrimtabError("MODEL_MISMATCH", message, { field: "expected_digest" });
  }
  const config = readSideFile(onnxFolder(modelPath), "config.json") ?? {};
  const decoder = await createDecoder(files.graph, files.external);
  try {
    const model = describe(options, config, decoder, digest);
    const { vocabulary, contextTokens } = model;
    const sampling = await createSampling(vocabulary, contextTokens);
    const { variant } = sampling;
    const kvTokens = kvTokensOf(options, decoder);
    const command = createOnnxCore({ decoder, contextTokens, kvTokens, emit, ...sampling });
    const close = async () => {
      await Promise.all([decoder.close(), sampling.close()]);
    };
    return { model: { ...model, variant }, command, close };
  } catch (error) {
    await decoder.close();
    throw error;
  }
}

/** Tokens whose f32 keys and values are held at most. @throws TrimtabError FIELD_OUT_OF_RANGE for memory below one */
function kvTokensOf({ kvBytes }: RuntimeOptions, { layers, kvHeads, headDim }: Decoder): number {
  if (kvBytes === null) return DEFAULT_ONNX_KV_TOKENS;
  const tokenBytes = 2 * layers * kvHeads * headDim * Float32Array.BYTES_PER_ELEMENT;
  if (kvBytes >= tokenBytes) return Math.floor(kvBytes / tokenBytes);
  const message = `keys and values of one token need ${tokenBytes} bytes`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "kv_bytes", limit: tokenBytes });
}

/** The sampling kernel over a small arena: the same noise and the same choices as on our own backend. */
async function createSampling(vocabulary: number, contextTokens: number) {
  const plan = planArena([
    { name: "logits", sizeBytes: vocabulary * 4 },
    { name: "history", sizeBytes: contextTokens * 4 },
    { name: "bias", sizeBytes: (contextTokens + MAX_LOGIT_BIASES) * 8 },
    { name: "mask", sizeBytes: Math.ceil(vocabulary / 32) * 4 },
  ]);
  const at = (name: string): number => plan.offsets.get(name) ?? 0;
  const memory = createMemory(plan);
  const { operators, close } = await createCompute({ memory, module: await loadModule(), threads: 1 });
  const scratch = { history: at("history"), bias: at("bias"), mask: at("mask") };
  const logits = new Float32Array(memory.buffer, at("logits"), vocabulary);
  const place = (values: Float32Array): number => {
    logits.set(values);
    return at("logits");
  };
  const sampler = createSampler(operators, memory, scratch, vocabulary);
  return { sampler, place, variant: operators.variant, close };
}

function describe(
  { modelPath, contextTokens }: RuntimeOptions,
  config: JsonObject,
  decoder: Decoder,
  digest: string,
): ModelInfo {
  const { vocabulary, layers, kvHeads, headDim } = decoder;
  const expected = { vocab_size: vocabulary, num_hidden_layers: layers };
  for (const [key, size] of Object.entries(expected)) {
    const said = countOf(config, key);
    if (said !== size) throw contradiction(`config.${key}`, `${said}, the graph says ${size}`);
  }
  const width = countOf(config, "hidden_size");
  if (decoder.width !== null && decoder.width !== width)
    throw contradiction("config.hidden_size", `${width}, the graph says ${decoder.width}`);
  const type = config["model_type"];
  const longest = Math.min(countOf(config, "max_position_embeddings"), MAX_ONNX_CONTEXT);
  return {
    name: basename(modelPath, ".onnx"),
    digest,
    architecture: typeof type === "string" ? type.slice(0, 40) : "unknown",
    ...{ layers, kvHeads, headDim, vocabulary },
    width,
    feedForward: countOf(config, "intermediate_size"),
    experts: 0,
    heads: countOf(config, "num_attention_heads"),
    contextTokens: Math.min(contextTokens ?? longest, longest),
    stopIds: readStopIds(readTokenizerMetadata(onnxFolder(modelPath)), vocabulary),
    // Not written down in such folders.
    parameters: 0,
    ...{ pages: 0, pageBytes: 0, kvKinds: [], weightBytes: 0, threads: 1, variant: "" },
    capabilities: capabilitiesOf(decoder),
  };
}

/** A whole number of the configuration. @throws TrimtabError ARTIFACT_INVALID */
function countOf(config: JsonObject, key: string): number {
  const value = config[key];
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw contradiction(`config.${key}`, `must be a whole number over 0, is ${String(value).slice(0, 40)}`);
}

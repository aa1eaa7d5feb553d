/**
 * Controllers as ONNX files and as something to ask. The file carries standardisation, network, calibration (folded into
 * the last layer) and layer weights, and says which model and blocks it reads; onnxruntime-web runs it, one row a call.
 */
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { createOnnxSession } from "#kit/onnx-session.ts";
import { writeMlp } from "#kit/onnx-write.ts";
import type { ControllerReport } from "./fit.ts";
import type { ControllerNetwork, ControllerOutput } from "./network.ts";

/** What a controller file says about itself. */
export interface ControllerFacts {
  /** SHA-256 of the model file, hex. */
  readonly modelDigest: string;
  /** Blocks of the model. */
  readonly layers: number;
  readonly width: number;
  /** Blocks whose residuals it reads, in order. */
  readonly featureLayers: readonly number[];
  /** Of controllers whose head was trained: how, and its weights averaged over the training prompts, [layers]. */
  readonly head?: { readonly method: string; readonly meanWeights: readonly number[] } | undefined;
}

/** A loaded controller. */
export interface ControllerRunner extends ControllerFacts {
  /** Decision for one row of features [feature layers · width]. @throws TrimtabError as the ONNX session. */
  run(features: Float32Array): Promise<ControllerOutput>;
  close(): Promise<void>;
}

const GATE = "gate";
const WEIGHTS = "layer_weights";
const FACTS = "trimtab.controller";
const REPORT = "trimtab.training_report";

const factsSchema = z.strictObject({
  modelDigest: z.string(),
  layers: z.int().min(1),
  width: z.int().min(1),
  featureLayers: z.array(z.int().min(0)).min(1),
  head: z.strictObject({ method: z.string(), meanWeights: z.array(z.number().min(0).max(1)) }).optional(),
});

/** Encodes a controller. */
export function writeController(
  network: ControllerNetwork,
  facts: ControllerFacts,
  report: ControllerReport | Readonly<Record<string, number>>,
): Uint8Array {
  const { inputs, mean, std, w1, b1, w2, b2, outputs } = network;
  return writeMlp({
    inputs,
    standardize: { mean, std },
    layers: [
      { weights: w1, bias: b1, activation: "relu" },
      { weights: w2, bias: b2, activation: "sigmoid" },
    ],
    outputs: [
      { name: GATE, size: 1 },
      { name: WEIGHTS, size: outputs - 1 },
    ],
    metadata: { [FACTS]: JSON.stringify(facts), [REPORT]: JSON.stringify(report) },
  });
}

/** Loads a controller. @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_INCOMPATIBLE, TOO_LARGE. */
export async function loadController(bytes: Uint8Array): Promise<ControllerRunner> {
  const session = await createOnnxSession(bytes);
  const facts = readFacts(session.summary.metadata[FACTS]);
  const sizes = new Map(session.summary.outputs.map(({ name, size }) => [name, size]));
  const fits =
    session.summary.input.size === facts.featureLayers.length * facts.width &&
    (facts.head?.meanWeights.length ?? facts.layers) === facts.layers &&
    sizes.get(GATE) === 1 &&
    sizes.get(WEIGHTS) === facts.layers;
  if (!fits) {
    await session.close();
    throw new TrimtabError(
      "ARTIFACT_INCOMPATIBLE",
      "the controller's inputs and outputs do not fit the model it names",
      { field: FACTS },
    );
  }
  let queue: Promise<unknown> = Promise.resolve();
  return {
    ...facts,
    run(features) {
      // The runtime takes one call at a time.
      const answer = queue.then(() => session.run(features)).then(toOutput);
      queue = answer.catch(() => undefined);
      return answer;
    },
    close: () => queue.then(() => session.close()),
  };
}

function toOutput(outputs: Record<string, Float32Array>): ControllerOutput {
  const gate = outputs[GATE]?.[0];
  const layerWeights = outputs[WEIGHTS];
  if (gate === undefined || layerWeights === undefined) {
    throw new TrimtabError("ARTIFACT_INVALID", "the controller gave no gate", { field: GATE });
  }
  return { gate, layerWeights };
}

function readFacts(text: string | undefined): ControllerFacts {
  try {
    return factsSchema.parse(JSON.parse(text ?? ""));
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "the ONNX file does not say which model and blocks it reads", {
      field: FACTS,
      cause,
    });
  }
}

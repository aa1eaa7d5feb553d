/**
 * Controllers as ONNX files and as something to ask. The file carries standardisation, network, calibration (folded into
 * the last layer) and layer weights, and says which model and blocks it reads; onnxruntime-web runs it, one row a call.
 */
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { createOnnxSession, type OnnxSession } from "#kit/onnx-session.ts";
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
  /** Of controllers whose head was trained. */
  readonly head?: HeadFacts | undefined;
}

/** What is known of a trained head. */
export interface HeadFacts {
  /** How it was trained. */
  readonly method: string;
  /** Its weights averaged over the training prompts, [layers]; absent where nobody knows those. */
  readonly meanWeights?: readonly number[] | undefined;
}

/** Method of heads that were trained elsewhere. */
export const IMPORTED_HEAD = "imported";

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
  head: z
    .strictObject({ method: z.string(), meanWeights: z.array(z.number().min(0).max(1)).optional() })
    // Of those imported before it was kept what they give an input of zeros, which is no mean.
    .transform((head) => (head.method === IMPORTED_HEAD ? { method: head.method } : head))
    .optional(),
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
  try {
    return runnerOf(session, checkFacts(session));
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** What the file says about itself, if its inputs and outputs are such. */
function checkFacts({ summary }: OnnxSession): ControllerFacts {
  const facts = readFacts(summary.metadata[FACTS]);
  const { layers, width, featureLayers, head } = facts;
  const sizes = new Map(summary.outputs.map(({ name, size }) => [name, size]));
  const fits =
    featureLayers.every((layer, slot) => layer < layers && featureLayers.indexOf(layer) === slot) &&
    summary.input.size === featureLayers.length * width &&
    (head?.meanWeights?.length ?? layers) === layers &&
    sizes.get(GATE) === 1 &&
    sizes.get(WEIGHTS) === layers;
  if (fits) return facts;
  const message = "the controller's inputs and outputs do not fit the model it names";
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", message, { field: FACTS });
}

function runnerOf(session: OnnxSession, facts: ControllerFacts): ControllerRunner {
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

/** Artifact files as steering reads them: `.svec` vectors and ONNX graphs. Header fuzzing of models: header-fuzz.test.ts. */
import { onnx } from "onnx-proto";
import { inspectOnnx, writeMlp } from "#kit/onnx.ts";
import { readSvec } from "../../../services/steering/src/formats/svec.ts";
import { mutateJson } from "../../services/kit/fuzz/mutate.ts";
import { mutateBytes, mutateText, pick, type Random, type Target } from "./target.ts";

const utf8 = new TextEncoder();

/** `.svec` files: first check = JSON. */
export const svecTarget: Target<Uint8Array> = {
  name: ".svec files",
  cases: [600, 6_000],
  make(random) {
    const directions = Object.fromEntries(
      Array.from({ length: 1 + random.below(4) }, (_, i) => [`${i * 7}`, [1, -0.5, random.below(100) / 10]]),
    );
    const file = { model_type: "llama", directions };
    const kind = random.below(4);
    if (kind === 0) return mutateBytes(utf8.encode(mutateText(JSON.stringify(file), random)), random);
    return utf8.encode(JSON.stringify(kind === 1 ? mutateJson(file, random) : file));
  },
  read: readSvec,
  isFirstCheck: ({ cause }) => cause instanceof SyntaxError || cause instanceof TypeError,
  reasons: ["ARTIFACT_INVALID"],
  corpus: [
    "",
    "null",
    '{"directions":{}}',
    '{"directions":{"0":[1e999]}}',
    '{"directions":{"-1":[1]}}',
    `{"directions":{"0":${"[".repeat(50_000)}`,
  ].map((text) => utf8.encode(text)),
};

const MLP = Uint8Array.from(
  writeMlp({
    inputs: 3,
    layers: [
      { weights: Float32Array.of(1, -1, 0.5, 2, 0, 1), bias: Float32Array.of(0.5, 1), activation: "relu" },
      { weights: Float32Array.of(1, -1), bias: Float32Array.of(0.5), activation: "relu" },
    ],
  }),
);
const WORDS = ["", "x", "input", "output", "weights_0", "Loop", "If", "Gemm", "ai.onnx", "../x", "relu_0"];
const NUMBERS = [0, 1, 2, 3, 7, 13, 17, 18, 999, -1, 2 ** 31, 2 ** 40];

/** Changes one place of a decoded graph: a name, a number, an entry that goes or comes twice. */
function changeGraph(random: Random): Uint8Array {
  const model = onnx.ModelProto.decode(MLP);
  const places: [Record<string, unknown>, string][] = [];
  const walk = (at: unknown): void => {
    if (typeof at !== "object" || at === null || ArrayBuffer.isView(at)) return;
    for (const [key, value] of Object.entries(at)) {
      places.push([at as Record<string, unknown>, key]);
      walk(value);
    }
  };
  walk(model);
  const [parent, key] = pick(random, places);
  const value = parent[key];
  if (Array.isArray(value) && value.length > 0)
    random.below(2) === 0 ? value.pop() : value.push(pick(random, value as unknown[]));
  else if (typeof value === "string") parent[key] = pick(random, WORDS);
  else if (typeof value === "number") parent[key] = pick(random, NUMBERS) | 0;
  return onnx.ModelProto.encode(model).finish();
}

/** ONNX graphs: first check = a message of the schema with one graph. */
export const onnxTarget: Target<Uint8Array> = {
  name: "ONNX graphs",
  cases: [800, 8_000],
  make: (random) => (random.below(2) === 0 ? changeGraph(random) : mutateBytes(MLP, random)),
  read: (bytes) => inspectOnnx(bytes),
  isFirstCheck: (error) => /protobuf|is no |not a|is missing|cannot be (read|decoded)/i.test(error.message),
  reasons: ["ARTIFACT_INVALID"],
  corpus: [new Uint8Array(), Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f), MLP.slice(0, MLP.length - 1)],
};

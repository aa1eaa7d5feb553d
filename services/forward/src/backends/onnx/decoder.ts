/**
 * A decoder graph with past keys and values in onnxruntime-web: what it is called and how large it is, read from the graph
 * itself, and one run of it. Source: the input and output names of Optimum's and ONNX Runtime GenAI's exports.
 * Cost of a run: that of the runtime; keys and values are copied whole, as the graph joins past and new ones.
 */
import { TrimtabError } from "#kit/errors.ts";
import {
  createRuntimeSession,
  type ExternalFile,
  floatTensor,
  integerTensor,
  type RuntimeSession,
  type RuntimeTensor,
} from "#kit/onnx-runtime.ts";
import { printable } from "#kit/printable.ts";

/** Keys and values of all layers, by output name; never changed, so that sequences may share them. */
export interface Past {
  readonly tokens: number;
  readonly tensors: ReadonlyMap<string, RuntimeTensor>;
}

/** What a run gives. */
export interface DecoderRun {
  readonly logits: Float32Array;
  readonly hidden: ReadonlyMap<number, Float32Array>;
  readonly past: Past;
}

/** A loaded decoder. */
export interface Decoder {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  /** Width of the hidden states the graph gives out after every block; null when it gives none. */
  readonly width: number | null;
  /** The past of nothing. */
  readonly empty: Past;
  /**
   * Computes `ids` after `past`.
   * @param blocks whose hidden states are wanted
   * @returns logits f32 [ids.length, vocabulary], hidden states f32 [ids.length, width] by block, and the longer past
   * @throws TrimtabError ARTIFACT_INVALID when the graph answers something else than it promised
   */
  run(ids: readonly number[], past: Past, blocks?: readonly number[]): Promise<DecoderRun>;
  /** The first `tokens` tokens of a past. */
  cut(past: Past, tokens: number): Past;
  close(): Promise<void>;
}

/** Inputs besides keys and values; of `num_logits_to_keep` 0 means all. */
const TEXT_INPUTS = new Set(["input_ids", "attention_mask", "position_ids", "num_logits_to_keep"]);
const PAST_NAME = /^past(?:_key_values)?\.(\d+)\.(?:decoder\.)?(key|value)$/;
const PRESENT_NAME = /^present(?:_key_values)?\.(\d+)\.(?:decoder\.)?(key|value)$/;

/** Output with the residual stream after a block. */
const hiddenName = (block: number): string => `hidden_states.${block}`;

/** One cached tensor of a layer: the input it goes into and the output it comes from. */
interface Cached {
  readonly input: string;
  readonly output: string;
}

/**
 * Loads a decoder graph.
 * @throws TrimtabError ARTIFACT_INVALID if the runtime refuses it; BACKEND_CAPABILITY naming the input or output that a
 *   decoder with past keys and values has otherwise
 */
export async function createDecoder(
  model: Uint8Array,
  externalData: readonly ExternalFile[],
): Promise<Decoder> {
  const session = await createRuntimeSession(model, externalData);
  try {
    const caches = pairCaches(session);
    const shape = shapeOf(session, caches);
    const { kvHeads, headDim, vocabulary } = shape;
    const inputs = new Set(session.inputNames);
    if (!inputs.has("input_ids")) refuse("input_ids", "is missing");
    const other = session.inputNames.find((name) => !TEXT_INPUTS.has(name) && !PAST_NAME.test(name));
    if (other !== undefined) refuse(other, "is an input nobody here can give");
    const nothing = floatTensor(new Float32Array(0), [1, kvHeads, 0, headDim]);
    return {
      ...shape,
      layers: caches.length / 2,
      empty: { tokens: 0, tensors: new Map(caches.map(({ output }) => [output, nothing])) },
      async run(ids, past, blocks = []) {
        const all = past.tokens + ids.length;
        const given: Record<string, RuntimeTensor> = { input_ids: integerTensor(ids, [1, ids.length]) };
        if (inputs.has("attention_mask")) {
          given["attention_mask"] = integerTensor(Array<number>(all).fill(1), [1, all]);
        }
        if (inputs.has("position_ids")) {
          const positions = ids.map((_, index) => past.tokens + index);
          given["position_ids"] = integerTensor(positions, [1, ids.length]);
        }
        if (inputs.has("num_logits_to_keep")) given["num_logits_to_keep"] = integerTensor([0], []);
        for (const { input, output } of caches) given[input] = past.tensors.get(output) ?? nothing;
        const wanted = [...caches.map(({ output }) => output), "logits", ...blocks.map(hiddenName)];
        const answers = await session.run(given, wanted).catch((cause: unknown) => {
          throw new TrimtabError("ARTIFACT_INVALID", "ONNX: the graph cannot run", { field: "graph", cause });
        });
        const expected = [1, kvHeads, all, headDim];
        const tensors = new Map(
          caches.map(({ output }) => [output, checkAnswer(output, answers[output], expected)]),
        );
        const logits = checkAnswer("logits", answers["logits"], [1, ids.length, vocabulary]);
        const hidden = blocks.map((block): [number, Float32Array] => {
          const name = hiddenName(block);
          const rows = checkAnswer(name, answers[name], [1, ids.length, shape.width ?? 0]);
          return [block, rows.data as Float32Array];
        });
        const next = { tokens: all, tensors };
        return { logits: logits.data as Float32Array, hidden: new Map(hidden), past: next };
      },
      cut: (past, tokens) => cutPast(past, tokens, shape),
      close: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** Past inputs and present outputs of every layer, keys and values, in order. */
function pairCaches(session: RuntimeSession): Cached[] {
  const byPart = (names: readonly string[], pattern: RegExp): Map<string, string> =>
    new Map(
      names.flatMap((name) => {
        const found = pattern.exec(name);
        return found ? [[`${Number(found[1])} ${found[2]}`, name] as const] : [];
      }),
    );
  const inputs = byPart(session.inputNames, PAST_NAME);
  const outputs = byPart(session.outputNames, PRESENT_NAME);
  if (inputs.size === 0) refuse("past_key_values.0.key", "is missing");
  const layers = Math.ceil(inputs.size / 2);
  return Array.from({ length: layers }, (_, layer) => ["key", "value"].map((kind) => `${layer} ${kind}`))
    .flat()
    .map((part) => {
      const name = part.replace(" ", ".");
      const input = inputs.get(part) ?? refuse(`past_key_values.${name}`, "is missing");
      return { input, output: outputs.get(part) ?? refuse(`present.${name}`, "is missing") };
    });
}

/** Sizes the graph promises; all layers must agree. */
function shapeOf(session: RuntimeSession, caches: readonly Cached[]) {
  const dims = (metadata: RuntimeSession["inputMetadata"], name: string, rank: number) => {
    const found = metadata.find((one) => one.name === name);
    if (!found?.isTensor || found.type !== "float32" || found.shape.length !== rank) {
      return refuse(name, `must be f32 with ${rank} dimensions`);
    }
    return found.shape;
  };
  const fixed = (name: string, size: number | string | undefined): number =>
    typeof size === "number" && size > 0 ? size : refuse(name, "has a size that is not fixed");
  const [first, ...rest] = caches.map(({ input }) => {
    const [, heads, , dim] = dims(session.inputMetadata, input, 4);
    return { input, kvHeads: fixed(input, heads), headDim: fixed(input, dim) };
  });
  const { kvHeads = 0, headDim = 0 } = first ?? {};
  const odd = rest.find((cache) => cache.kvHeads !== kvHeads || cache.headDim !== headDim);
  if (odd) refuse(odd.input, "has another shape than the first layer's");
  const last = (name: string): number => fixed(name, dims(session.outputMetadata, name, 3)[2]);
  const blocks = Array.from({ length: caches.length / 2 }, (_, block) => hiddenName(block));
  const givesAll = blocks.every((name) => session.outputNames.includes(name));
  const widths = givesAll ? [...new Set(blocks.map(last))] : [];
  return {
    kvHeads,
    headDim,
    vocabulary: last("logits"),
    width: widths.length === 1 ? (widths[0] ?? null) : null,
  };
}

function checkAnswer(
  name: string,
  tensor: RuntimeTensor | undefined,
  dims: readonly number[],
): RuntimeTensor {
  const isRight = tensor?.type === "float32" && tensor.dims.join() === dims.join();
  if (tensor && isRight) return tensor;
  const message = `ONNX: ${name} is [${tensor?.dims.join(", ")}], not [${dims.join(", ")}]`;
  throw new TrimtabError("ARTIFACT_INVALID", message, { field: name });
}

function cutPast(past: Past, tokens: number, { kvHeads, headDim }: { kvHeads: number; headDim: number }) {
  if (tokens >= past.tokens) return past;
  const tensors = [...past.tensors].map(([name, tensor]): [string, RuntimeTensor] => {
    const from = tensor.data as Float32Array;
    const kept = new Float32Array(kvHeads * tokens * headDim);
    for (let head = 0; head < kvHeads; head++) {
      const start = head * past.tokens * headDim;
      kept.set(from.subarray(start, start + tokens * headDim), head * tokens * headDim);
    }
    return [name, floatTensor(kept, [1, kvHeads, tokens, headDim])];
  });
  return { tokens, tensors: new Map(tensors) };
}

function refuse(name: string, problem: string): never {
  const text = printable(name);
  const message = `ONNX: ${text} ${problem}; a decoder with past keys and values is needed`;
  throw new TrimtabError("BACKEND_CAPABILITY", message, { field: text });
}

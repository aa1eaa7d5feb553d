/** Tensors of a model file against its metadata: everything the family names, in its shape, and nothing else in a layer. */
import { TrimtabError } from "#kit/errors.ts";
import type { ModelConfig } from "./config.ts";
import { contradiction, unsupported } from "./metadata.ts";
import type { ModelHeader, ModelTensor } from "./model-file.ts";

/** Features of a matrix come in blocks of 32. */
const BLOCK = 32;
/** The part of a name up to the number of its layer. */
const NUMBERED = /^[^.]+\.\d+\./;

/**
 * Checks every tensor the engine will read.
 * @throws TrimtabError ARTIFACT_INVALID for missing tensors and wrong shapes, BACKEND_CAPABILITY for parts of a layer
 *   that the family does not have
 */
export function checkTensors(header: ModelHeader, config: ModelConfig): void {
  const { family, width, headsWidth, feedForward, vocabulary, layers, rotary } = config;
  for (const [key, value] of Object.entries({ width, headsWidth, feedForward })) {
    if (value % BLOCK !== 0) throw unsupported(key, `${value}, which is no multiple of ${BLOCK}`);
  }
  checkShape(tensor(header, family.embedding), [width, vocabulary]);
  checkShape(tensor(header, family.outputNorm), [width]);
  if (!config.tiedHead) checkShape(tensor(header, family.head), [width, vocabulary]);
  for (const { tensor: name } of config.rotations.flatMap(({ factors }) => factors)) {
    const factors = header.tensors.get(name);
    if (factors) checkShape(factors, [rotary / 2]);
  }
  const shapes = layerShapes(config);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = family.layerPrefix(layer);
    for (const [role, shape] of shapes) checkShape(tensor(header, prefix + role), shape);
  }
  refuseOthers(header, config, new Set(shapes.map(([role]) => role)));
}

/** Names, without prefix, and shapes of the tensors of a layer. */
function layerShapes(config: ModelConfig): [string, readonly number[]][] {
  const { layer: names } = config.family;
  const { width, headsWidth, kvHeads, headDim, feedForward, experts } = config;
  const kvWidth = kvHeads * headDim;
  const qkvRows = names.qkv.length === 1 ? [headsWidth + 2 * kvWidth] : [headsWidth, kvWidth, kvWidth];
  const gateUpRows = names.gateUp.length === 1 ? [2 * feedForward] : [feedForward, feedForward];
  const each = (shape: number[]): number[] => (experts > 0 ? [...shape, experts] : shape);
  const optional: [string | null, number[]][] = [
    [names.queryNorm, [headDim]],
    [names.keyNorm, [headDim]],
    [names.attentionPostNorm, [width]],
    [names.router, [width, experts]],
    [names.mlpPostNorm, [width]],
  ];
  return [
    [names.attentionNorm, [width]],
    ...names.qkv.map((name, index): [string, number[]] => [name, [width, qkvRows[index] ?? 0]]),
    ...names.qkvBias.map((name, index): [string, number[]] => [name, [qkvRows[index] ?? 0]]),
    [names.attentionOutput, [headsWidth, width]],
    [names.mlpNorm, [width]],
    ...names.gateUp.map((name, index): [string, number[]] => [name, each([width, gateUpRows[index] ?? 0])]),
    [names.down, each([feedForward, width])],
    ...optional.flatMap(([name, shape]): [string, number[]][] => (name === null ? [] : [[name, shape]])),
  ];
}

/** A tensor of a layer that nobody reads would be arithmetic left out. */
function refuseOthers(
  header: ModelHeader,
  { family, layers }: ModelConfig,
  known: ReadonlySet<string>,
): void {
  const prefixes = new Set(Array.from({ length: layers }, (_, layer) => family.layerPrefix(layer)));
  const extra = family.layerPrefix(layers);
  for (const name of header.tensors.keys()) {
    if (name.startsWith(extra)) throw contradiction(name, `the file says it has ${layers} layers`);
    const [prefix = ""] = NUMBERED.exec(name) ?? [];
    if (prefixes.has(prefix) && !known.has(name.slice(prefix.length))) throw unsupported(name, "this tensor");
  }
}

function checkShape(found: ModelTensor, expected: readonly number[]): void {
  const dims = [...found.dims];
  while (dims.length > expected.length && dims.at(-1) === 1) dims.pop();
  if (dims.length !== expected.length || dims.some((dim, index) => dim !== expected[index])) {
    throw contradiction(
      found.origin ?? found.name,
      `shape [${dims.join(", ")}], metadata says [${expected.join(", ")}]`,
    );
  }
  if (expected.length === 1 && found.type.name !== "F32") {
    throw unsupported(found.origin ?? found.name, `a vector of type ${found.type.name}`);
  }
}

function tensor(header: ModelHeader, name: string): ModelTensor {
  const found = header.tensors.get(name);
  if (!found) throw new TrimtabError("ARTIFACT_INVALID", `the file has no tensor ${name}`, { field: name });
  return found;
}

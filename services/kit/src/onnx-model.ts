/**
 * Files of a user's ONNX model: the graph and the data files it refers to, which must lie beside it under plain names,
 * and the folder with `config.json` and `tokenizer.json`. The graph is looked at before a runtime sees it: it must parse,
 * and it may not have sub-graphs (loops and branches never end by themselves).
 *
 * Source: reliability notes on `external_data`. Cost: one protobuf decode, and reading the files.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { onnx } from "onnx-proto";
import { TrimtabError } from "./errors.ts";
import { digestOfFiles, type NamedFile, readRegularFile } from "./files.ts";
import { ONNX_MODEL_LIMITS } from "./limits.ts";
import type { ExternalFile } from "./onnx-runtime.ts";
import { printable } from "./printable.ts";

/** The bytes of a model. */
export interface OnnxFiles {
  readonly graph: Uint8Array;
  /** Data files by the names the graph has for them. */
  readonly external: readonly ExternalFile[];
}

const CONFIG = "config.json";
const SIDE_FILES = [CONFIG, "generation_config.json", "tokenizer.json", "tokenizer_config.json"];
const PLAIN_NAME = /^[A-Za-z0-9_][\w.-]{0,200}$/;
const { EXTERNAL } = onnx.TensorProto.DataLocation;
const Attribute = onnx.AttributeProto.AttributeType;
const SUB_GRAPHS = new Set<number>([Attribute.GRAPH, Attribute.GRAPHS]);

/** True for the path of a graph. */
export function isOnnxModel(path: string): boolean {
  return path.endsWith(".onnx");
}

/**
 * The folder a graph's configuration lies in: its own, or the one above (`onnx/model.onnx`).
 * @throws TrimtabError ARTIFACT_INVALID if neither has a config.json
 */
export function onnxFolder(path: string): string {
  const found = findOnnxFolder(path);
  if (found !== undefined) return found;
  const message = `there is no ${CONFIG} beside ${basename(path)} or in the folder above`;
  throw new TrimtabError("ARTIFACT_INVALID", message, { field: CONFIG });
}

/** The same; undefined if neither has one: the graph is no model then. */
export function findOnnxFolder(path: string): string | undefined {
  const own = dirname(path);
  return [own, dirname(own)].find((folder) => existsSync(join(folder, CONFIG)));
}

/**
 * Reads a model.
 * @throws TrimtabError ARTIFACT_NOT_FOUND (no graph), ARTIFACT_INVALID (naming what), UNSUPPORTED (sub-graphs), TOO_LARGE
 */
export function readOnnxFiles(path: string): OnnxFiles {
  const graph = readGraph(path);
  const names = inspectGraph(graph);
  const external = names.map((name): ExternalFile => {
    const options = { label: name, maxBytes: ONNX_MODEL_LIMITS.dataBytes, followSymlinks: false };
    return { path: name, data: readData(join(dirname(path), name), options) };
  });
  return { graph, external };
}

/**
 * Digest of a model: SHA-256 of the lines `<SHA-256 of a file>  <name>`, by name, of graph, data files and what says how
 * to use them.
 * @throws TrimtabError as {@link readOnnxFiles}
 */
export function digestOfOnnx(path: string): string {
  return digestOfFiles(filesOfOnnx(path));
}

/** The files of a model, by name. @throws TrimtabError as {@link readOnnxFiles} */
export function filesOfOnnx(path: string): readonly NamedFile[] {
  const folder = onnxFolder(path);
  return [
    { name: basename(path), at: path },
    ...inspectGraph(readGraph(path)).map((name) => ({ name, at: join(dirname(path), name) })),
    ...SIDE_FILES.map((name) => ({ name, at: join(folder, name) })).filter(({ at }) => existsSync(at)),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function readGraph(path: string): Uint8Array {
  return readRegularFile(path, { label: "ONNX graph", maxBytes: ONNX_MODEL_LIMITS.graphBytes });
}

function readData(path: string, options: { label: string; maxBytes: number; followSymlinks: boolean }) {
  try {
    return readRegularFile(path, options);
  } catch (error) {
    // A model that lacks one of its files is not "not found", it is broken.
    if (!(error instanceof TrimtabError && error.reason === "ARTIFACT_NOT_FOUND")) throw error;
    return refuse(options.label, "does not exist");
  }
}

/** Names of the data files of a graph, checked. */
function inspectGraph(bytes: Uint8Array): string[] {
  const { graph } = decode(bytes);
  if (!graph) return refuse("graph", "is missing");
  const nodes = graph.node ?? [];
  const tensors = graph.initializer ?? [];
  const limit = ONNX_MODEL_LIMITS.entries;
  if (nodes.length > limit || tensors.length > limit) {
    const message = `ONNX: ${nodes.length} nodes and ${tensors.length} tensors, at most ${limit} of each`;
    throw new TrimtabError("TOO_LARGE", message, { field: "graph", limit });
  }
  for (const { opType, attribute } of nodes) {
    if (!attribute?.some(({ type }) => SUB_GRAPHS.has(type ?? 0))) continue;
    const field = `node ${printable(opType ?? "")}`;
    throw new TrimtabError("UNSUPPORTED", `ONNX: ${field} has sub-graphs`, { field });
  }
  const names = new Set<string>();
  for (const { name, dataLocation, externalData } of tensors) {
    if (dataLocation !== EXTERNAL) continue;
    const location = externalData?.find(({ key }) => key === "location")?.value ?? "";
    if (!PLAIN_NAME.test(location))
      refuse(name ?? "", `refers to "${printable(location)}", no plain file name`);
    names.add(location);
  }
  if (names.size > ONNX_MODEL_LIMITS.dataFiles) refuse("graph", `refers to ${names.size} data files`);
  return [...names];
}

function decode(bytes: Uint8Array): onnx.ModelProto {
  try {
    return onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "ONNX: not a protobuf model", { field: "model", cause });
  }
}

function refuse(field: string, problem: string): never {
  const name = printable(field);
  throw new TrimtabError("ARTIFACT_INVALID", `ONNX: ${name} ${problem}`, { field: name });
}

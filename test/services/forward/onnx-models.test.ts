/** Folders and graphs that are no decoder with past keys and values are refused before anything runs, naming what is wrong. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onnx } from "onnx-proto";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { failure } from "../../support/forward-engine.ts";
import { exportSynthetic } from "../../support/onnx-folder.ts";

setDefaultTimeout(120_000);
let made: Awaited<ReturnType<typeof exportSynthetic>>;
beforeAll(async () => void (made = await exportSynthetic()));
afterAll(() => rmSync(made.root, { recursive: true }));

type Graph = onnx.GraphProto;
const without = <T extends { name?: string | null }>(list: T[], name: string): void =>
  void list.splice(
    list.findIndex((one) => one.name === name),
    1,
  );

/** A folder of its own whose graph, or files, `change` has changed; what loading it fails with. */
async function refusalOf(change: { graph?: (graph: Graph) => void; files?: (folder: string) => void }) {
  const folder = join(made.root, Bun.randomUUIDv7());
  cpSync(made.folder, folder, { recursive: true });
  const modelPath = join(folder, "onnx", "model.onnx");
  if (change.graph) {
    const model = onnx.ModelProto.decode(readFileSync(modelPath));
    change.graph(model.graph as Graph);
    writeFileSync(modelPath, onnx.ModelProto.encode(model).finish());
  }
  change.files?.(folder);
  const { reason, field } = await failure(createEngine({ modelPath, threads: 1 }));
  return `${reason} ${field}`;
}

/** Replaces where the first weight lies. */
const located = (location: string) => (graph: Graph) => {
  const [tensor] = graph.initializer.filter(({ externalData }) => (externalData?.length ?? 0) > 0);
  const entry = tensor?.externalData?.find(({ key }) => key === "location");
  if (entry) entry.value = location;
};

/** Calls values by another name, wherever they are used. */
const renamed = (pattern: RegExp, by: string) => (graph: Graph) => {
  for (const input of graph.input) input.name = input.name?.replace(pattern, by) ?? null;
  for (const node of graph.node) node.input = node.input?.map((name) => name.replace(pattern, by)) ?? null;
};

const GRAPHS: [string, string, (graph: Graph) => void][] = [
  ["no past keys", "BACKEND_CAPABILITY past_key_values.0.key", renamed(/^past_key_values/, "cache")],
  [
    "one past missing",
    "BACKEND_CAPABILITY past_key_values.2.value",
    renamed(/^past_key_values\.2\.value$/, "cache"),
  ],
  [
    "one present missing",
    "BACKEND_CAPABILITY present.3.key",
    ({ output }) => without(output, "present.3.key"),
  ],
  [
    "an input nobody can give",
    "BACKEND_CAPABILITY encoder_hidden_states",
    ({ input }) => input.push({ ...input[0], name: "encoder_hidden_states" }),
  ],
  [
    "heads of a size that is not fixed",
    "BACKEND_CAPABILITY past_key_values.0.key",
    ({ input }) => {
      const shape = input.find(({ name }) => name === "past_key_values.0.key")?.type?.tensorType?.shape;
      if (shape?.dim?.[3]) shape.dim[3] = { dimParam: "any" };
    },
  ],
  [
    "a loop",
    "UNSUPPORTED node Loop",
    ({ node }) => {
      const type = onnx.AttributeProto.AttributeType.GRAPH;
      node.push({ opType: "Loop", attribute: [{ name: "body", type, g: { name: "body" } }] });
    },
  ],
  [
    "an operator that does not exist",
    "ARTIFACT_INVALID graph",
    ({ node }) =>
      node.filter(({ opType }) => opType === "Softmax").forEach((one) => (one.opType = "Hardest")),
  ],
  ["weights outside the folder", "ARTIFACT_INVALID token_embd.weight", located("../../synthetic.gguf")],
  ["weights at an absolute path", "ARTIFACT_INVALID token_embd.weight", located("/etc/passwd")],
  ["weights that are not there", "ARTIFACT_INVALID other.bin", located("other.bin")],
];

test.each(GRAPHS)("%s: %s", async (_, expected, graph) => {
  expect(await refusalOf({ graph })).toBe(expected);
});

const FILES: [string, string, (folder: string) => void][] = [
  [
    "no protobuf",
    "ARTIFACT_INVALID model",
    (folder) => writeFileSync(join(folder, "onnx", "model.onnx"), "x".repeat(99)),
  ],
  ["no configuration", "ARTIFACT_INVALID config.json", (folder) => rmSync(join(folder, "config.json"))],
  [
    "another number of layers in the configuration",
    "ARTIFACT_INVALID config.num_hidden_layers",
    (folder) => {
      const path = join(folder, "config.json");
      writeFileSync(
        path,
        JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), num_hidden_layers: 5 }),
      );
    },
  ],
  [
    "weights that are a link to elsewhere",
    "ARTIFACT_INVALID undefined",
    (folder) => {
      const path = join(folder, "onnx", "model.onnx_data");
      mkdirSync(join(folder, "elsewhere"));
      cpSync(path, join(folder, "elsewhere", "data"));
      rmSync(path);
      symlinkSync(join(folder, "elsewhere", "data"), path);
    },
  ],
  [
    "weights that end early",
    "ARTIFACT_INVALID graph",
    (folder) => {
      const path = join(folder, "onnx", "model.onnx_data");
      writeFileSync(path, readFileSync(path).subarray(0, 4_096));
    },
  ],
];

test.each(FILES)("%s: %s", async (_, expected, files) => {
  expect(await refusalOf({ files })).toBe(expected);
});

/** Matrices in an ONNX data file: products and rows of every tensor type, as codes or f32, are those of the file's values. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WeightSource } from "#kernels";
import { createFileWriter } from "#kit/file-writer.ts";
import { GGML_TYPES, type GgmlType } from "#kit/ggml-types.ts";
import { createGraphBuilder } from "#kit/onnx-graph.ts";
import { createRuntimeSession, floatTensor, integerTensor } from "#kit/onnx-runtime.ts";
import type { ModelFile, ModelTensor } from "../../../services/forward/src/model/model-file.ts";
import { lookUp, multiply } from "../../../services/forward/src/onnx/matrix-nodes.ts";
import { createWeightStore } from "../../../services/forward/src/onnx/stored-matrix.ts";
import { BLOCKS, createBench, createMatrix, createRandom, SOURCES } from "../../kernels/support.ts";

setDefaultTimeout(120_000);
const SEED = 31;
const ROWS = 24;
const IDS = [5, 0, 23, 5];
/** Row i of a group is this row of the file. */
const ORDER = [2, 0, 3, 1];
/** Formats MatMulNBits takes as they are. */
const CODED = new Set<WeightSource>([
  ...(["q4_0", "q4_1", "q5_0", "q8_0", "q2_k", "q3_k", "q4_k", "q6_k", "iq4_nl", "iq4_xs"] as const),
]);

/** Runs a graph that looks rows up and multiplies them with the matrix. */
async function runGraph(source: WeightSource, bytes: Uint8Array, cols: number, keepCodes: boolean) {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-matrix-"));
  try {
    const type = [...GGML_TYPES.values()].find(({ name }) => name.toLowerCase() === source) as GgmlType;
    const tensor: ModelTensor = { name: "m", dims: [cols, ROWS], type, sizeBytes: bytes.length };
    const read = (_: ModelTensor, into: Uint8Array, from = 0) =>
      void into.set(bytes.subarray(from, from + into.length));
    const path = join(folder, "m.onnx_data");
    const data = createFileWriter(path);
    const graph = createGraphBuilder();
    const store = createWeightStore({ file: { read } as ModelFile, data, graph, keepCodes });
    const matrix = store.matrix(tensor, ORDER);
    data.commit();
    const ids = graph.input("ids", "i64", ["n"]);
    const x = graph.input("x", "f32", ["n", cols]);
    graph.node("Identity", [lookUp(graph, ids, matrix)], { outputs: ["rows"] });
    graph.output("rows", "f32", ["n", cols]);
    graph.node("Identity", [multiply(graph, x, matrix)], { outputs: ["products"] });
    graph.output("products", "f32", ["n", ROWS]);
    const external = [{ path: "m.onnx_data", data: readFileSync(path) }];
    const session = await createRuntimeSession(graph.encode("matrix", "m.onnx_data", {}), external);
    const random = createRandom(SEED);
    const rows = Float32Array.from({ length: IDS.length * cols }, () => random() - 0.5);
    const answers = await session.run({
      ids: integerTensor(IDS, [IDS.length]),
      x: floatTensor(rows, [IDS.length, cols]),
    });
    const found = ["rows", "products"].map((name) => answers[name]?.data as Float32Array);
    await session.release();
    return { kind: matrix.kind, x: rows, rows: found[0] ?? [], products: found[1] ?? [] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const source of SOURCES) {
  test(`${source}: lookups and products, codes kept where they can be (seed ${SEED})`, async () => {
    const cols = BLOCKS[source][0] * 2;
    const { bytes, values } = await createMatrix(createBench(), source, ROWS, cols, createRandom(SEED));
    const rowOf = (row: number) => row - (row % ORDER.length) + (ORDER[row % ORDER.length] ?? 0);
    const exact = (row: number, k: number) => values[rowOf(row) * cols + k] as number;
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const keepCodes of [true, false]) {
      const { kind, x, rows, products } = await runGraph(source, bytes, cols, keepCodes);
      expect(kind).toBe(keepCodes && CODED.has(source) ? "coded" : "f32");
      for (const [i, id] of IDS.entries()) {
        for (let k = 0; k < cols; k++) {
          expect(Math.abs((rows[i * cols + k] as number) - exact(id, k))).toBeLessThanOrEqual(3e-6 * largest);
        }
        for (let row = 0; row < ROWS; row++) {
          let sum = 0;
          for (let k = 0; k < cols; k++) sum += (x[i * cols + k] as number) * exact(row, k);
          const error = Math.abs((products[i * ROWS + row] as number) - sum);
          expect(error).toBeLessThanOrEqual(3e-6 * largest * Math.sqrt(cols));
        }
      }
    }
  });
}

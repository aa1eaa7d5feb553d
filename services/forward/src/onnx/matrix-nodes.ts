/** Products with stored matrices, and lookups of their rows, as ONNX nodes over flat rows [tokens, cols]. */
import type { GraphBuilder } from "#kit/onnx-graph.ts";
import type { StoredMatrix } from "./stored-matrix.ts";

/** x · matrixᵀ + bias: f32 [tokens, cols] → [tokens, rows]. */
export function multiply(graph: GraphBuilder, x: string, matrix: StoredMatrix, bias?: string): string {
  if (matrix.kind === "f32") {
    const inputs = [x, matrix.values.name, ...(bias === undefined ? [] : [bias])];
    return graph.node("Gemm", inputs, { attributes: { transB: 1 } });
  }
  const { codes, scales, zeros, rows, cols, bits, columns } = matrix;
  const product = graph.node("MatMulNBits", [x, codes.name, scales.name, ...(zeros ? [zeros.name] : [])], {
    domain: "com.microsoft",
    attributes: { K: cols, N: rows, bits, block_size: columns },
  });
  return bias === undefined ? product : graph.node("Add", [product, bias]);
}

/** Rows of a matrix: i64 [tokens] → f32 [tokens, cols]. */
export function lookUp(graph: GraphBuilder, ids: string, matrix: StoredMatrix): string {
  if (matrix.kind === "f32") return graph.node("Gather", [matrix.values.name, ids]);
  const { codes, scales, zeros, cols, bits } = matrix;
  const perBlock = (name: string): string =>
    graph.node("Unsqueeze", [graph.node("Gather", [name, ids]), graph.integers([2])]);
  const packed = graph.node("Gather", [codes.name, ids]);
  const plain = bits === 8 ? toFloat(graph, packed) : unpackNibbles(graph, packed);
  const centred = graph.node("Sub", [plain, zeros ? perBlock(zeros.name) : graph.floats(2 ** (bits - 1))]);
  const values = graph.node("Mul", [centred, perBlock(scales.name)]);
  return graph.node("Reshape", [values, graph.integers([-1, cols])]);
}

/** u8 [tokens, blocks, n] → f32 [tokens, blocks, 2n], the low half of every byte first. */
function unpackNibbles(graph: GraphBuilder, packed: string): string {
  const bytes = toFloat(graph, packed);
  const high = graph.node("Floor", [graph.node("Mul", [bytes, graph.floats(1 / 16)])]);
  const low = graph.node("Sub", [bytes, graph.node("Mul", [high, graph.floats(16)])]);
  const last = graph.integers([-1]);
  const pair = [low, high].map((half) => graph.node("Unsqueeze", [half, last]));
  const pairs = graph.node("Concat", pair, { attributes: { axis: -1 } });
  return graph.node("Reshape", [pairs, graph.integers([0, 0, -1])]);
}

const FLOAT = 1;

function toFloat(graph: GraphBuilder, value: string): string {
  return graph.node("Cast", [value], { attributes: { to: FLOAT } });
}

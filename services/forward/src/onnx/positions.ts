/**
 * What all layers of a decoder graph share: how many tokens there are, who may look at whom, and the rotations of the
 * positions. Everything is made once and named.
 */
import type { GraphBuilder } from "#kit/onnx-graph.ts";

/** Nodes over the inputs of a decoder. */
export interface Positions {
  /** i64 [2]: texts and new tokens a text. */
  readonly shape: string;
  /** f32 [texts, 1, 1, new, all] to add to scores; `window` as in the layers' settings. */
  bias(window: number): string;
  /** Cosine and sine f32 [texts, 1, new, rotary / 2] of a rotation. */
  angles(frequencies: Float32Array, magnitude: number): { readonly cos: string; readonly sin: string };
}

/** Names of the inputs that say what a text is. */
export const TEXT_INPUTS = {
  ids: "input_ids",
  mask: "attention_mask",
  positions: "position_ids",
} as const;

const BOOL = 9;
const FLOAT = 1;
/** Adds to a score that must not count: finite, so that a row of nothing else is no NaN. */
const NEVER = -3e38;

/** Declares the text inputs. */
export function createPositions(graph: GraphBuilder): Positions {
  graph.input(TEXT_INPUTS.ids, "i64", ["batch_size", "sequence_length"]);
  graph.input(TEXT_INPUTS.mask, "i64", ["batch_size", "total_sequence_length"]);
  graph.input(TEXT_INPUTS.positions, "i64", ["batch_size", "sequence_length"]);
  const shape = graph.node("Shape", [TEXT_INPUTS.ids]);
  const at = (value: string, index: number): string =>
    graph.node("Gather", [value, graph.integers(index)], { attributes: { axis: 0 } });
  const one = graph.integers(1);
  const all = at(graph.node("Shape", [TEXT_INPUTS.mask]), 1);
  const past = graph.node("Sub", [all, at(shape, 1)]);
  const keys = graph.node("Range", [graph.integers(0), all, one]);
  const column = graph.integers([1]);
  const queries = graph.node("Unsqueeze", [graph.node("Range", [past, all, one]), column]);
  const counts = graph.node("Cast", [TEXT_INPUTS.mask], { attributes: { to: BOOL } });
  const present = graph.node("Unsqueeze", [counts, graph.integers([1, 2, 3])]);
  const before = graph.node("And", [graph.node("LessOrEqual", [keys, queries]), present]);
  const biases = new Map<number, string>();
  const rows = graph.node("Cast", [TEXT_INPUTS.positions], { attributes: { to: FLOAT } });
  const angleRows = graph.node("Unsqueeze", [rows, graph.integers([1, 3])]);
  return {
    shape,
    bias(window) {
      const known = biases.get(window);
      if (known !== undefined) return known;
      const least = graph.node("Sub", [queries, graph.integers(window)]);
      const seen = window === 0 ? before : graph.node("And", [before, graph.node("Greater", [keys, least])]);
      const made = graph.node("Where", [seen, graph.floats(0), graph.floats(NEVER)]);
      biases.set(window, made);
      return made;
    },
    angles(frequencies, magnitude) {
      const angles = graph.node("Mul", [angleRows, graph.floats(frequencies)]);
      const wave = (operator: string): string => {
        const value = graph.node(operator, [angles]);
        return magnitude === 1 ? value : graph.node("Mul", [value, graph.floats(magnitude)]);
      };
      return { cos: wave("Cos"), sin: wave("Sin") };
    },
  };
}

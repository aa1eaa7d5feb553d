/**
 * Do the answer's moves (text/moves.ts) lead from S to G through the open cells of a grid? Cost: linear in the text.
 */
import { TrimtabError } from "#kit/errors.ts";
import { MAZE_LIMITS } from "../../limits.ts";
import { findMoves } from "../text/moves.ts";
import { eachItem, type Outcome, type Verifier } from "../verifier.ts";

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  u: [-1, 0],
  d: [1, 0],
  l: [0, -1],
  r: [0, 1],
};

/** Creates the verifier "maze_path". */
export function createMazePathVerifier(): Verifier {
  return {
    name: "maze_path",
    kind: "outcome",
    access: "program",
    needs: ["text"],
    labels: ["arrives", "blocked", "elsewhere", "no_moves"],
    description:
      "Whether the answer's last run of moves (up, down, left, right or U D L R) leads from S to G through a grid without crossing #.",
    calibration: "exact",
    parameters: {
      type: "object",
      properties: {
        grid: {
          type: "array",
          items: { type: "string", pattern: "^[SG#.]+$", maxLength: MAZE_LIMITS.side },
          minItems: 1,
          maxItems: MAZE_LIMITS.side,
          description: "Rows of equal length: S start, G goal, # wall, . open.",
        },
      },
      required: ["grid"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { grid } = parameters as unknown as { grid: string[] };
      const start = findCell(grid, "S");
      findCell(grid, "G");
      if (grid.some((row) => row.length !== grid[0]?.length)) {
        throw new TrimtabError("SHAPE_MISMATCH", "rows of the grid differ in length", { field: "grid" });
      }
      return { score: eachItem(({ text }) => walk(text, grid, start)) };
    },
  };
}

function walk(text: string, grid: readonly string[], start: readonly [number, number]): Outcome {
  if (text.length > MAZE_LIMITS.textChars) {
    return { failure: "TOO_LARGE", reason: `the answer is longer than ${MAZE_LIMITS.textChars} characters` };
  }
  const moves = findMoves(text);
  if (moves.length === 0) return { score: 0, label: "no_moves", reason: "the answer has no moves" };
  let [row, column] = start;
  for (const [index, move] of moves.entries()) {
    const [down = 0, right = 0] = STEPS[move] ?? [];
    row += down;
    column += right;
    if ((grid[row]?.[column] ?? "#") === "#") {
      return { score: 0, label: "blocked", reason: `move ${index + 1} runs into a wall` };
    }
  }
  return grid[row]?.[column] === "G"
    ? { score: 1, label: "arrives", reason: `arrives after ${moves.length} moves` }
    : { score: 0, label: "elsewhere", reason: "the moves end elsewhere" };
}

function findCell(grid: readonly string[], cell: string): readonly [number, number] {
  const found = grid.flatMap((row, at) =>
    [...row].flatMap((char, column) => (char === cell ? [[at, column] as const] : [])),
  );
  if (found.length !== 1 || found[0] === undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", `the grid needs exactly one ${cell}`, { field: "grid" });
  }
  return found[0];
}

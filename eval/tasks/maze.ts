/** Paths through small mazes, as words. Every maze has a path: walls are put where they leave one. */
import type { Random } from "../src/random.ts";
import type { Task, Turn } from "../src/task.ts";

const LEVELS = [
  { side: 2, walls: 1 },
  { side: 3, walls: 2 },
  { side: 4, walls: 5 },
  { side: 5, walls: 9 },
] as const;
const MOVES = [
  ["up", -1, 0],
  ["down", 1, 0],
  ["left", 0, -1],
  ["right", 0, 1],
] as const;

/** Mazes. */
export const maze: Task = {
  name: "maze",
  description: "moves from S to G around walls",
  levels: LEVELS.map(({ side, walls }) => `${side} × ${side}, ${walls} walls`),
  answer: "line",
  separators: [","],
  maxTokens: 48,
  draw(level, random) {
    const { side, walls } = LEVELS[level]!;
    for (;;) {
      const grid = drawGrid(side, walls, random);
      const solution = findPath(grid);
      if (solution === undefined) continue;
      return {
        key: grid.join("/"),
        messages: [...EXAMPLES, { role: "user", content: questionOf(grid) }],
        outcome: { name: "maze_path", parameters: { grid } },
        solution,
      };
    }
  },
};

function drawGrid(side: number, walls: number, random: Random): string[] {
  const cells = random.shuffle(Array.from({ length: side * side }, (_, at) => at));
  const marks = new Map(cells.slice(0, walls).map((cell) => [cell, "#"]));
  marks.set(cells[walls]!, "S").set(cells[walls + 1]!, "G");
  return Array.from({ length: side }, (_, row) =>
    Array.from({ length: side }, (_, column) => marks.get(row * side + column) ?? ".").join(""),
  );
}

/** A shortest path in words, or undefined. Breadth first. */
function findPath(grid: readonly string[]): string | undefined {
  const startRow = grid.findIndex((row) => row.includes("S"));
  const start = { row: startRow, column: grid[startRow]?.indexOf("S") ?? 0, path: [] as string[] };
  const seen = new Set([`${start.row},${start.column}`]);
  const open = [start];
  for (let here = open.shift(); here !== undefined; here = open.shift()) {
    if (grid[here.row]?.[here.column] === "G") return here.path.join(", ");
    for (const [word, down, right] of MOVES) {
      const [row, column] = [here.row + down, here.column + right];
      const cell = grid[row]?.[column] ?? "#";
      if (cell === "#" || seen.has(`${row},${column}`)) continue;
      seen.add(`${row},${column}`);
      open.push({ row, column, path: [...here.path, word] });
    }
  }
  return undefined;
}

const questionOf = (grid: readonly string[]): string =>
  `Walk from S to G; # is a wall. Give the moves (up, down, left, right).\n${grid.join("\n")}`;

const EXAMPLES: readonly Turn[] = [
  ["S.", "#G"],
  ["G#", ".S"],
].flatMap((grid) => [
  { role: "user" as const, content: questionOf(grid) },
  { role: "assistant" as const, content: findPath(grid) ?? "" },
]);

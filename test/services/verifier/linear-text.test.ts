// Rules on text take time linear in the text, whatever it is made of: the gateway's event loop waits for them.

import { expect, test } from "bun:test";
import { judge } from "./service.ts";

const CHARS = 32_768;
/** A linear rule takes a few milliseconds of these; one that is quadratic some seconds. */
const LIMIT_MS = 400;
const of = (text: string) => text.repeat(CHARS / text.length);
const clauses = [[1]];

const CASES: [verifier: string, parameters: Record<string, unknown>, text: string][] = [
  ["numeric_answer", { expected: 1 }, `\\boxed{${of(" ")}`],
  ["numeric_answer", { expected: 1 }, `#### ${of(" ")}`],
  ["numeric_answer", { expected: 1 }, `answer is${of(" ")}`],
  ["numeric_answer", { expected: 1 }, of("answer is ")],
  ["numeric_answer", { expected: 1 }, `answer is ${of("1 + ")}`],
  ["numeric_answer", { expected: 1 }, `answer ${of(":")}`],
  ["vote_share", { answer: "text" }, `${of("!")}a`],
  ["vote_share", { answer: "last_line" }, `${of(". ")}a`],
  ["equations", {}, of("1x")],
  ["equations", {}, of("a(")],
  ["equations", {}, of("- ")],
  ["equations", {}, of("\\times ")],
  ["equations", {}, of("\n")],
  ["equations", {}, of("\r")],
  ["equations", {}, of("-")],
  ["equations", {}, of(" ")],
  ["equations", {}, `1${of(".")}+=1`],
  ["equations", {}, `step${of(" ")}x`],
  ["expression", { numbers: [1], target: 1 }, of("(")],
  ["sat_assignment", { clauses }, `x1${of(" ")}y`],
  ["sat_assignment", { clauses }, of("x1 ")],
  ["maze_path", { grid: ["SG"] }, `U${of(" ")}x`],
  ["partial_sums", { terms: [1, 2] }, `1${of(" ")}x`],
  ["reachable_target", { numbers: [1, 2], target: 3 }, of(" ")],
  ["sorted", { items: [1, 2] }, of("-")],
  ["refusal", {}, of("sorry ")],
  ["hedging", {}, of("i ")],
  ["register", {}, of("a")],
  ["repetition", {}, of("a b ")],
];

for (const [verifier, parameters, text] of CASES) {
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 12)}…${text.slice(-4)}` : text);
  test(`${verifier} of ${CHARS} characters like ${shown} takes no longer than its length says`, async () => {
    await judge(verifier, parameters as never, [{ text: "warm" }]);
    const { user } = process.cpuUsage();
    await judge(verifier, parameters as never, [{ text }]);
    expect((process.cpuUsage().user - user) / 1_000).toBeLessThan(LIMIT_MS);
  });
}

/**
 * Where the time of the forward pass goes, and how near it is to what one thread can do: forward's own benchmark, in a process
 * of its own, whose lines become rows. Its bound is finer than that of `roofline-*`: each product's bytes at the measured
 * bandwidth, or the vector operations of its loop at the measured rate. Sampling and all that lies between the operators
 * has no bound and counts against us.
 */
import { join } from "node:path";
import { rowOf, type BenchRow } from "../rows.ts";
import { keyFor, type OwnBench } from "./pairs.ts";

const PROGRAM = join(import.meta.dir, "..", "..", "..", "services", "forward", "bench.ts");
/** Titles of its parts, as cells are named. */
const PARTS: readonly (readonly [RegExp, metric: string, context: number, batch: number])[] = [
  [/^decode at context (\d+)/, "profile-decode", 0, 1],
  [/^batch of 16/, "profile-batch", 0, 16],
  [/^16 branches of a prompt of 512/, "profile-branches", 512, 16],
  [/^prefill 512/, "profile-prefill", 512, 1],
];
const SPEED = /: ([\d.]+) tokens\/s/;
const BOUND = /bound ([\d.]+) ms a token.*: (\d+) % reached, (\d+) % at best/;
const SHARE = /^ +([\d.]+) % +[\d.]+ us a token {2}(.+)$/gm;
/** Rounds the program makes. */
const ROUNDS = 7;
/** Operators named in a row; the rest takes little. */
const NAMED = 6;

/** Rows `profile-*` of one thread: tokens/s beside the bound, and the shares of the operators. Models whose loops are counted. */
export async function measureProfile(bench: OwnBench): Promise<BenchRow[]> {
  const child = Bun.spawn([process.execPath, PROGRAM, "1", bench.modelPath, "--unscored"], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  const [text, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(errors);
  const rows = text.split(/\n(?=\S)/).flatMap((part) => rowsOf(bench, part));
  if (rows.length === 0) throw new Error("there is no bound for this model's products");
  return rows;
}

function rowsOf(bench: OwnBench, part: string): BenchRow[] {
  const [, metric, context, batch] = PARTS.find(([title]) => title.test(part)) ?? [];
  const [, least, reached, best] = BOUND.exec(part) ?? [];
  if (metric === undefined || least === undefined) return [];
  const depth = Number(/^decode at context (\d+)/.exec(part)?.[1] ?? context);
  const bound = 1000 / Number(least);
  const shares = [...part.matchAll(SHARE)].slice(0, NAMED).map(([, share, name]) => `${name} ${share} %`);
  const key = keyFor({ ...bench, threads: 1 }, metric, depth, batch ?? 1, "the bound of its operations");
  const row = rowOf(key, "tokens/s", [Number(SPEED.exec(part)?.[1])], [bound], shares.join("; "));
  return [{ ...row, low: Number(reached) / 100, high: Number(best) / 100, rounds: ROUNDS }];
}

/** Reports of the benchmarks: what is kept, what is measured again, and what the page says of it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePage } from "../../bench/src/page/page.ts";
import { drawRatios } from "../../bench/src/page/plot.ts";
import { readReport } from "../../bench/src/report.ts";
import { rowAlone, rowOf, type BenchRow, type RowKey } from "../../bench/src/rows.ts";
import { openSink } from "../../bench/src/sink.ts";

const folder = mkdtempSync(join(tmpdir(), "trimtab-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MACHINE = {
  cpu: "a processor",
  cores: 2,
  isa: "avx512_vnni",
  load: 0.1,
  versions: { trimtab: "0.0.0" },
};
const KEY: RowKey = {
  ...{ model: "m.gguf", metric: "decode", file: "same", threads: 1, context: 0, batch: 1 },
  peer: "llama.cpp 0.5.0",
};
const decode = (ours: number, peer = KEY.peer): BenchRow =>
  rowOf({ ...KEY, peer }, "tokens/s", [ours], [100]);
const only = (...rows: BenchRow[]) => ({ rows, absent: [] });

test("a row's numbers are medians, and its ratio is the median of the rounds' ratios", () => {
  const row = rowOf(KEY, "tokens/s", [10, 30, 50], [10, 10, 100]);
  expect(row).toMatchObject({ ours: 30, theirs: 10, ratio: 1, low: 0.5, high: 3, rounds: 3 });
});

test("what is measured anew replaces what was measured, whatever the peer's version; the rest stays", async () => {
  const path = join(folder, "keep.json");
  const first = await openSink(MACHINE, path, "replace");
  await first.add(only(decode(110), decode(400, "wllama@2.3.1"), decode(900, "wllama@3.8.1")));
  const second = await openSink(MACHINE, path, "keep");
  await second.add(only(decode(120, "llama.cpp 0.6.0")));
  const rows = (await readReport(path))?.rows ?? [];
  expect(rows.map(({ peer, ours }) => `${peer} ${ours}`).sort()).toEqual([
    ...["llama.cpp 0.6.0 120", "wllama@2.3.1 400", "wllama@3.8.1 900"],
  ]);
});

test("a run that goes on measures only what the file lacks", async () => {
  const path = join(folder, "resume.json");
  await (await openSink(MACHINE, path, "replace")).add(only(decode(110)));
  const question = { model: KEY.model, threads: 1, metric: "decode" };
  expect((await openSink(MACHINE, path, "resume")).has(question)).toBe(true);
  expect((await openSink(MACHINE, path, "resume")).has({ ...question, threads: 2 })).toBe(false);
  expect((await openSink(MACHINE, path, "keep")).has(question)).toBe(false);
});

test("rows of two machines never stand in one file", async () => {
  const path = join(folder, "machines.json");
  await (await openSink(MACHINE, path, "replace")).add(only(decode(110)));
  await expect(openSink({ ...MACHINE, isa: "avx2" }, path, "keep")).rejects.toThrow(
    "two machines do not mix",
  );
});

test("the page names each must that is missed, run by run, by the number for its vector instructions", () => {
  const best = { ...decode(120), file: "best" as const };
  const leak = rowAlone({ ...KEY, metric: "fork-leak", peer: "none" }, "pages", [3]);
  const report = { ...MACHINE, ...only(decode(160), best, leak) };
  const narrow = { ...MACHINE, isa: "avx2 (limited to it)", ...only({ ...best, context: 2048 }) };
  const others = [{ report: narrow, link: "narrow.json" }];
  const page = makePage({ report, link: "run.json" }, others, "picture.svg");
  expect(page).toContain("**Result.** 2 of 4 musts reached (0 with their aims).");
  expect(page).toContain("1 of 3 missed on a processor, avx512_vnni:\n\n- m fork-leak 0, 1T: 3.00 pages");
  expect(page).toContain(
    "1 of 1 missed on a processor, avx2:\n\n- m decode 2048, 1T: llama.cpp 0.5.0 (best): 1.20 ",
  );
  expect(page.match(/must reached/g)).toHaveLength(2);
});

test("the picture has a dot for each ratio and none for what stands alone", () => {
  const leak = rowAlone({ ...KEY, metric: "fork-leak", peer: "none" }, "pages", [3]);
  const picture = drawRatios([decode(160), decode(400, "wllama@2.3.1"), leak], MACHINE.isa);
  expect(picture.match(/<circle/g)).toHaveLength(2);
});

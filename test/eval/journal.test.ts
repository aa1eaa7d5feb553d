// Raw samples outlive the process that writes them: what is on the disk is not sampled again, what was cut off is.

import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../eval/src/journal.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-journal-"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Entry {
  readonly key: string;
  readonly value: number;
}

test("a process killed in the middle loses no record that was appended", async () => {
  const path = join(directory, "killed.jsonl");
  const module = join(import.meta.dir, "..", "..", "eval", "src", "journal.ts");
  const program = `
    const { openJournal } = await import(${JSON.stringify(module)});
    const journal = openJournal(${JSON.stringify(path)});
    for (let i = 0; ; i++) { journal.append({ key: "k" + i, value: i }); if (i === 20) process.kill(process.pid, "SIGKILL"); }`;
  const child = Bun.spawn([process.execPath, "-e", program], { stderr: "inherit" });
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  const journal = openJournal<Entry>(path);
  expect([...journal.records.values()].map(({ value }) => value)).toEqual(
    Array.from({ length: 21 }, (_, i) => i),
  );
  journal.close();
});

test("a line cut off by a crash is removed, and the next record begins on a line of its own", () => {
  const path = join(directory, "cut.jsonl");
  const first = openJournal<Entry>(path);
  first.append({ key: "a", value: 1 });
  first.close();
  appendFileSync(path, '{"key":"b","val');
  const again = openJournal<Entry>(path);
  expect([...again.records.keys()]).toEqual(["a"]);
  again.append({ key: "b", value: 2 });
  again.close();
  expect(readFileSync(path, "utf8")).toBe('{"key":"a","value":1}\n{"key":"b","value":2}\n');
});

test("a record that the disk has no room for is no record", async () => {
  const path = join(directory, "full.jsonl");
  const module = join(import.meta.dir, "..", "..", "eval", "src", "journal.ts");
  const program = `
    const { openJournal } = await import(${JSON.stringify(module)});
    const journal = openJournal(${JSON.stringify(path)});
    for (let i = 0; i < 40; i++) { journal.append({ key: "k" + i, value: "x".repeat(100) }); console.log(i); }`;
  // Files of 1,024 or 512 bytes: the write that crosses that is done in part.
  const command = ["sh", "-c", `trap "" XFSZ; ulimit -f 1; exec "$0" -e "$1"`, process.execPath, program];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "ignore" });
  const stored = (await new Response(child.stdout).text()).trim().split("\n").length;
  expect(await child.exited).not.toBe(0);
  const journal = openJournal(path);
  expect(journal.records.size).toBe(stored);
  journal.close();
});

test("a damaged line in the middle is named", () => {
  const path = join(directory, "damaged.jsonl");
  writeFileSync(path, '{"key":"a","value":1}\nnonsense\n{"key":"b","value":2}\n');
  expect(() => openJournal(path)).toThrow("damaged.jsonl:2");
});

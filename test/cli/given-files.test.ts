/** Files that are named on the command line: what cannot be read or written is told before any work is done. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPrompts } from "../../cli/src/capture/prompts.ts";
import { checkWritable } from "../../cli/src/given-file.ts";
import { runCommand } from "../support/cli.ts";

setDefaultTimeout(120_000);
const root = mkdtempSync(join(tmpdir(), "trimtab-given-"));
const prompts = join(root, "prompts.txt");
writeFileSync(prompts, "hello\n");
afterAll(() => rmSync(root, { recursive: true }));

// Nobody listens there: whoever asks for work first ends otherwise.
const nowhere = ["--address", "127.0.0.1:1"];
const lost = join(root, "none", "out");
test.each([
  [["recipe", "eval", "refusal", "--prompts", prompts, "--answers", lost], "--answers"],
  [["steer", "sweep", "best", "--json", lost], "--json"],
  [["steer", "export", "best", lost], "file"],
])("a place where nothing can be written is refused by its name (%#)", async (args, field) => {
  const { code, stdout, stderr } = await runCommand([...args, ...nowhere]);
  expect([code, stdout]).toEqual([64, ""]);
  expect(stderr).toContain(`cannot be written (field ${field})`);
});

test("a directory is no file to write", () => {
  expect(() => checkWritable(root, "--answers")).toThrow("cannot be written");
  expect(() => checkWritable(prompts, "--answers")).not.toThrow();
});

test("a mark before a text is no part of it, and a text in another encoding is refused by its file", async () => {
  const read = (bytes: string | Uint8Array) => {
    writeFileSync(prompts, bytes);
    return readPrompts({ prompts: [], input: prompts, chat: false });
  };
  expect(await read("\ufeffhello\r\nthere")).toEqual([
    { case: "text", value: "hello" },
    { case: "text", value: "there" },
  ]);
  await expect(read(Uint8Array.of(0x68, 0xe9))).rejects.toMatchObject({
    ...{ reason: "INVALID_ARGUMENT", field: "input" },
  });
});

/** Files that are not what they seem, at the reader of model files (row A13). */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGguf } from "#kit/gguf.ts";
import { refusedFor } from "../../support/refusal.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-hostile-files-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const isRoot = process.getuid?.() === 0;

/** A file that claims a size without having it. */
function sparse(name: string, bytes: number): string {
  const path = join(directory, name);
  const file = openSync(path, "w");
  ftruncateSync(file, bytes);
  closeSync(file);
  return path;
}

test("A13 a sparse file of a terabyte is refused by its size, one of a gigabyte by its first bytes", () => {
  expect(refusedFor(() => openGguf(sparse("terabyte", 2 ** 40)))).toBe("TOO_LARGE");
  expect(refusedFor(() => openGguf(sparse("gigabyte", 2 ** 30)))).toBe("ARTIFACT_INVALID");
});

test.skipIf(process.platform !== "linux")("A13 the memory of a process is no model", () => {
  expect(refusedFor(() => openGguf("/proc/self/mem"))).toBe("ARTIFACT_INVALID");
});

test("A13 a link that leads nowhere, or to itself, is no file", () => {
  const [nowhere, loop] = [join(directory, "nowhere"), join(directory, "loop")];
  symlinkSync(join(directory, "none"), nowhere);
  symlinkSync(loop, loop);
  for (const path of [nowhere, loop]) expect(refusedFor(() => openGguf(path))).not.toBe("none");
});

test.skipIf(isRoot)("A13 a file that may not be read is a typed error", () => {
  const path = sparse("closed", 100);
  chmodSync(path, 0);
  expect(refusedFor(() => openGguf(path))).not.toBe("none");
});

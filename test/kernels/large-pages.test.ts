// The arena's pages: what the system was asked for, as the system itself tells it.

import { expect, test } from "bun:test";
import { ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { createMemory, useLargePages } from "#kernels";

/** Flags of the mapping of this process that holds `address`: "hg" = large pages are asked for, "nh" = none are wanted. */
function flagsAt(address: number): string {
  let isInside = false;
  for (const line of readFileSync("/proc/self/smaps", "utf8").split("\n")) {
    const [, from, to] = /^([\da-f]+)-([\da-f]+) /.exec(line) ?? [];
    if (from !== undefined && to !== undefined) {
      isInside = Number.parseInt(from, 16) <= address && address < Number.parseInt(to, 16);
    } else if (isInside && line.startsWith("VmFlags:")) return line;
  }
  return "";
}

test.skipIf(process.platform !== "linux")(
  "an arena asks for large pages from its first byte to its last, and is all zeros but for the constants",
  () => {
    const memory = createMemory(12 * 2 ** 20);
    const bytes = new Uint8Array(memory.buffer);
    for (const offset of [0, bytes.length / 2, bytes.length - 1]) {
      expect(flagsAt(Number(ptr(bytes)) + offset)).toContain(" hg");
    }
    expect(new Uint32Array(memory.buffer, 65_536).every((word) => word === 0)).toBe(true);
    expect(useLargePages(memory, false)).toBe(true);
    expect(flagsAt(Number(ptr(bytes)))).toContain(" nh");
  },
);

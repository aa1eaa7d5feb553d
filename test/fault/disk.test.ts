/** Disks that fill up, fail and lie while an artifact is stored: the old version is whole, or the new one, and no litter (X14, X15). */
import { afterAll, beforeEach, expect, mock, test } from "bun:test";
import * as realFs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLeftOut, whyNoMount } from "../support/abilities.ts";

const fs = { ...realFs };
/** Operations until the next fault; Infinity: none. */
let left = Number.POSITIVE_INFINITY;
let code = "EIO";
/** Bytes a write takes at most: the system may take fewer than it is given. */
let mostWritten = Number.POSITIVE_INFINITY;

/** Fails at the n-th operation of the disk, and at that one only. */
function failing<F extends (...args: never[]) => unknown>(real: F): F {
  return ((...args: Parameters<F>) => {
    if (--left === 0) throw Object.assign(new Error(`${code}: injected`), { code });
    return real(...args);
  }) as F;
}
const names = [
  "openSync",
  "writeSync",
  "fsyncSync",
  "renameSync",
  "linkSync",
  "mkdirSync",
  "readSync",
  "fstatSync",
] as const;
await mock.module("node:fs", () => ({
  ...fs,
  ...Object.fromEntries(names.map((name) => [name, failing(fs[name] as never)])),
  writeSync: failing(((
    file: number,
    bytes: Uint8Array,
    from = 0,
    length = bytes.byteLength - from,
    ...at: [number?]
  ) => fs.writeSync(file, bytes, from, Math.min(length, mostWritten), ...at)) as never),
}));
const { createArtifactStore } = await import("#kit/artifact-store.ts");
const { TrimtabError } = await import("#kit/errors.ts");
const { ArtifactKind } = await import("#proto/trimtab/type/v1/artifact_pb.ts");

const kind = ArtifactKind.DIRECTION;
const bytesOf = (text: string) => new TextEncoder().encode(text.repeat(1_000));
let directory: string;
beforeEach(() => {
  left = Number.POSITIVE_INFINITY;
  directory = fs.mkdtempSync(join(tmpdir(), "trimtab-disk-"));
});
afterAll(() => void mock.restore());

const litter = (folder: string): string[] =>
  (fs.readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.includes(".tmp-"));

test("X15 what the system writes in pieces is whole", () => {
  mostWritten = 777;
  createArtifactStore(directory).put({ name: "a", kind, bytes: bytesOf("pieces") });
  mostWritten = Number.POSITIVE_INFINITY;
  expect(createArtifactStore(directory).get("a").bytes).toEqual(bytesOf("pieces"));
});

test.each(["EIO", "ENOSPC", "EMFILE", "EACCES", "EINTR"])(
  "X15 whichever operation of a save fails with %s, the old version is served, or the new one if it was acknowledged",
  (failure) => {
    const first = createArtifactStore(directory).put({ name: "a", kind, bytes: bytesOf("old") });
    let faults = 0;
    const seen = new Set<string>();
    for (let at = 1; ; at++) {
      const store = createArtifactStore(directory);
      const { digest } = store.get("a").record;
      code = failure;
      left = at;
      let acknowledged = false;
      try {
        store.put({ name: "a", kind, bytes: bytesOf(`new ${at}`), replace: digest });
        acknowledged = true;
      } catch (error) {
        expect(error).toBeInstanceOf(TrimtabError);
        seen.add((error as { reason: string }).reason);
        faults++;
      }
      const wasReached = left <= 0;
      left = Number.POSITIVE_INFINITY;
      const again = createArtifactStore(directory).get("a");
      const text = new TextDecoder().decode(again.bytes.subarray(0, 6));
      if (acknowledged) expect(text).toStartWith("new");
      expect(litter(directory)).toEqual([]);
      if (!wasReached) break;
    }
    expect(faults).toBeGreaterThan(4);
    expect(first.digest).not.toBe("");
    expect([...seen]).toContain(failure === "ENOSPC" ? "STORAGE_FULL" : "SERVICE_UNAVAILABLE");
    fs.rmSync(directory, { recursive: true });
  },
);

test.skipIf(isLeftOut("X14", whyNoMount()))(
  "X14 on a full disk a save fails, typed, leaves nothing, and what was stored is served",
  () => {
    const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
    expect(mounted.exitCode).toBe(0);
    try {
      const store = createArtifactStore(directory);
      store.put({ name: "a", kind, bytes: bytesOf("old") });
      const large = new Uint8Array(2 * 2 ** 20);
      expect(() => store.put({ name: "b", kind, bytes: large })).toThrow("no space is left");
      expect(litter(directory)).toEqual([]);
      expect(createArtifactStore(directory).get("a").bytes).toEqual(bytesOf("old"));
      store.put({ name: "c", kind, bytes: bytesOf("small") });
    } finally {
      Bun.spawnSync(["umount", directory]);
    }
  },
);

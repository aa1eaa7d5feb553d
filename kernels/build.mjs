// Compiles kernels/assembly to build/kernels/relaxed.wasm and plain.wasm: the same sources, except that for the plain
// variant simd-plain.ts stands in for simd.ts. `node kernels/build.mjs free` makes build/kernels-free/free.wasm for
// bench-order.ts: order-free.ts stands in for order.ts. Skips when the digest of the sources, this file and the compiler's
// version equals the one of the last build. Level -O1: higher levels make the engine's compiler spill (2x slower).

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(FOLDER, "assembly");
const isFree = process.argv[2] === "free";
const OUTPUT = join(FOLDER, "..", "build", isFree ? "kernels-free" : "kernels");
const VARIANTS = isFree ? ["free"] : ["relaxed", "plain"];
/** File → the file that stands in for it. */
const STAND_INS = {
  relaxed: {},
  plain: { "simd.ts": "simd-plain.ts" },
  free: { "order.ts": "order-free.ts" },
};
const OPTIONS = [
  "-O1",
  "--noAssert",
  ...["--runtime", "stub"],
  "--importMemory",
  "--noExportMemory",
  "--sharedMemory",
  ...["--initialMemory", "1", "--maximumMemory", "65536"],
  ...["--enable", "simd", "--enable", "threads"],
];

function digestSources() {
  const hash = createHash("sha256");
  for (const name of readdirSync(SOURCES).sort()) {
    if (name.endsWith(".ts"))
      hash
        .update(name)
        .update("\0")
        .update(readFileSync(join(SOURCES, name)));
  }
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  hash.update(
    readFileSync(join(FOLDER, "..", "package.json"), "utf8").match(/"assemblyscript": "[^"]*"/)?.[0] ?? "",
  );
  return hash.digest("hex");
}

function readSource(variant, name, base) {
  const path = join(base, name);
  const standIn = STAND_INS[variant][relative(SOURCES, path)];
  const actual = standIn ? join(SOURCES, standIn) : path;
  return existsSync(actual) ? readFileSync(actual, "utf8") : null;
}

async function compile(asc, variant) {
  const outputs = new Map();
  const relaxed = variant === "plain" ? [] : ["--enable", "relaxed-simd"];
  const args = [join(SOURCES, "index.ts"), "--baseDir", "/", "--outFile", "out.wasm", ...OPTIONS, ...relaxed];
  const { error, stderr } = await asc.main(args, {
    readFile: (name, base) => readSource(variant, name, base),
    writeFile: (name, contents) => void outputs.set(name, contents),
    listFiles: () => [],
  });
  if (error) throw new Error(`${variant}: ${stderr.toString()}${error.message}`);
  const wasm = [...outputs].find(([name]) => name.endsWith("out.wasm"))?.[1];
  if (!wasm) throw new Error(`${variant}: the compiler wrote nothing`);
  return wasm;
}

async function build() {
  const stamp = join(OUTPUT, "sources.sha256");
  const digest = digestSources();
  const isFresh = VARIANTS.every((variant) => existsSync(join(OUTPUT, `${variant}.wasm`)));
  if (isFresh && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const { default: asc } = await import("assemblyscript/asc");
  mkdirSync(OUTPUT, { recursive: true });
  const write = (name, contents) => {
    const temporary = join(OUTPUT, `.${name}.${process.pid}`);
    writeFileSync(temporary, contents);
    renameSync(temporary, join(OUTPUT, name));
  };
  for (const variant of VARIANTS) write(`${variant}.wasm`, await compile(asc, variant));
  write("sources.sha256", digest);
}

await build();

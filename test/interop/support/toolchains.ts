/**
 * What clients in other languages need, installed once into the cache: Python packages (pinned in
 * examples/python/requirements.txt) and the built Go example. Each is keyed by what it is made of and put in place by rename.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { cp, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { cacheDir } from "#kit/paths.ts";
import { runOrThrow } from "./run.ts";

/** Root of the repository. */
export const ROOT = join(import.meta.dir, "..", "..", "..");
const EXAMPLES = join(ROOT, "examples");
const BUF = join(ROOT, "node_modules", ".bin", "buf");
const GO_PLUGINS = [
  "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
  "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
];

/** Python with the packages of the examples on its path; undefined where there is no Python. */
export async function pythonWithPackages(): Promise<
  { python: string; env: Record<string, string> } | undefined
> {
  const python = Bun.which("python3");
  if (python === null) return undefined;
  const requirements = join(EXAMPLES, "python", "requirements.txt");
  const version = (await runOrThrow([python, "-c", "import sys; print(sys.version)"])).out;
  const directory = await once(`python-${keyOf(version, readFileSync(requirements, "utf8"))}`, (target) =>
    runOrThrow([python, "-m", "pip", "install", "--quiet", "--target", target, "-r", requirements]),
  );
  return { python, env: { PYTHONPATH: directory, PYTHONDONTWRITEBYTECODE: "1" } };
}

/** The built Go example; undefined where there is no Go. */
export async function goExample(): Promise<string | undefined> {
  const go = Bun.which("go");
  if (go === null) return undefined;
  const source = join(EXAMPLES, "go");
  const texts = ["main.go", "go.mod", "go.sum", "buf.gen.yaml"].map((file) =>
    readFileSync(join(source, file), "utf8"),
  );
  const protos = [...new Bun.Glob("trimtab/**/*.proto").scanSync(join(ROOT, "proto"))].sort();
  const schema = protos.map((file) => readFileSync(join(ROOT, "proto", file), "utf8"));
  const directory = await once(`go-${keyOf(...texts, ...schema)}`, async (target) => {
    const bin = join(target, "bin");
    await cp(source, target, { recursive: true });
    for (const plugin of GO_PLUGINS) await runOrThrow([go, "install", plugin], { env: { GOBIN: bin } });
    const path = `${bin}:${process.env.PATH ?? ""}`;
    const template = join(source, "buf.gen.yaml");
    const generate = [BUF, "generate", "--template", template, "--output", target];
    await runOrThrow(generate, { env: { PATH: path }, cwd: ROOT });
    await runOrThrow([go, "build", "-o", join(bin, "chat"), "."], { cwd: target });
  });
  return join(directory, "bin", "chat");
}

function keyOf(...parts: string[]): string {
  return new Bun.CryptoHasher("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
}

/** A directory of the cache, made by `make` unless it is there. */
async function once(name: string, make: (target: string) => Promise<unknown>): Promise<string> {
  const parent = join(cacheDir(), "interop");
  const directory = join(parent, name);
  if (existsSync(directory)) return directory;
  mkdirSync(parent, { recursive: true });
  const target = await mkdtemp(join(parent, "making-"));
  try {
    await make(target);
    renameSync(target, directory);
  } catch (error) {
    // Somebody else may have made it meanwhile: theirs is as good.
    rmSync(target, { recursive: true, force: true });
    if (!existsSync(directory) || readdirSync(directory).length === 0) throw error;
  }
  return directory;
}

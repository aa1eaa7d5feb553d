/**
 * What clients in other languages need, installed or built once into the cache: each thing is keyed by what it is made of and put in
 * place by rename.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheDir } from "#kit/paths.ts";
import { runOrThrow } from "./run.ts";

/** Root of the repository. */
export const ROOT = join(import.meta.dir, "..", "..", "..");
/** The program `buf`. */
export const BUF = join(ROOT, "node_modules", ".bin", "buf");

/** Folder of the cache that holds these things. */
export const cacheFolder = (): string => join(cacheDir(), "interop");

/**
 * Python with packages on its path; undefined where there is no Python.
 * @param example the folder of examples/ whose requirements.txt pins them.
 */
export async function pythonWithPackages(
  example = "python",
): Promise<{ python: string; env: Record<string, string> } | undefined> {
  const python = Bun.which("python3");
  if (python === null) return undefined;
  const requirements = join(ROOT, "examples", example, "requirements.txt");
  const version = (await runOrThrow([python, "-c", "import sys; print(sys.version)"])).out;
  const directory = await once(`python-${keyOf(version, readRequirements(requirements))}`, (target) =>
    runOrThrow([python, "-m", "pip", "install", "--quiet", "--target", target, "-r", requirements]),
  );
  return { python, env: { PYTHONPATH: directory, PYTHONDONTWRITEBYTECODE: "1" } };
}

/** The text of a file of requirements with those it names. */
function readRequirements(file: string): string {
  const text = readFileSync(file, "utf8");
  const others = [...text.matchAll(/^-r (\S+)$/gm)].map(([, name = ""]) => join(dirname(file), name));
  return [text, ...others.map(readRequirements)].join("\n");
}

/** A short digest of texts. */
export function keyOf(...parts: string[]): string {
  return new Bun.CryptoHasher("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
}

/** A directory of the cache, made by `make` unless it is there. */
export async function once(name: string, make: (target: string) => Promise<unknown>): Promise<string> {
  const parent = cacheFolder();
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

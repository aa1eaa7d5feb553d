// The files the gates look at: everything in the repository that a person wrote, with what each imports. Read anew by each test
// file; ~20 ms for the whole tree.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The repository's root. */
export const root = join(import.meta.dir, "..", "..");

/** `.git` is a file in a second work tree. */
const IGNORED = new Set(["node_modules", "build", ".git"]);
const IGNORED_FILES = /\.(tgz|log|wasm|gguf|onnx|safetensors|bin|png)$/;
/** What generators and builds of examples leave. */
const BUILT = /^examples\/\w+\/(gen|target|dist)$/;
const CODE = /\.(ts|tsx|mts|mjs|js)$/;
const GENERATED = "proto/gen/";

/** One file: path relative to the root with forward slashes, and its lines. */
export interface ProjectFile {
  readonly path: string;
  readonly lines: readonly string[];
}

/** One import: `target` is a path relative to the root for files of ours, undefined for a package or a runtime module. */
export interface Import {
  readonly place: string;
  readonly from: string;
  readonly specifier: string;
  readonly target: string | undefined;
}

/** Every text file outside node_modules, build and version control; generated code is left out unless asked for. */
export function readProject({ withGenerated = false } = {}): ProjectFile[] {
  const files: ProjectFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (IGNORED.has(entry.name) || BUILT.test(path)) continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && !IGNORED_FILES.test(entry.name)) {
        if (path.startsWith(GENERATED) && !withGenerated) continue;
        files.push({ path, lines: readFileSync(join(root, path), "utf8").split("\n") });
      }
    }
  };
  visit("");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Whether a path is program text (not data, prose or settings). */
export const isCode = (path: string): boolean => CODE.test(path);

const SPECIFIER_FORMS = [
  /^\s*(?:import|export)\b[^"'`]*?\bfrom\s*["']([^"']+)["']/,
  /^\s*import\s*["']([^"']+)["']/,
  /^\s*\}\s*from\s*["']([^"']+)["']/,
  /\bimport\(\s*["'`]([^"'`$]+)["'`]/,
  /\brequire\(\s*["']([^"']+)["']\s*\)/,
  /\bimport\.meta\.resolve\(\s*["']([^"']+)["']/,
  /new\s+URL\(\s*["'](\.{1,2}\/[^"']+)["']\s*,\s*import\.meta\.url/,
];

/** Every import of a file: static, type-only, re-exported, dynamic, and worker files named by `new URL(…, import.meta.url)`. */
export function listImports(file: ProjectFile): Import[] {
  const aliases = readAliases();
  return file.lines.flatMap((line, index) =>
    SPECIFIER_FORMS.flatMap((form) => {
      const specifier = form.exec(line)?.[1];
      if (specifier === undefined || /^\s*(\/\/|\*)/.test(line)) return [];
      const place = `${file.path}:${index + 1}`;
      return [{ place, from: file.path, specifier, target: resolveTarget(file.path, specifier, aliases) }];
    }),
  );
}

/** The package.json of the project. */
export const readPackage = (): {
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly imports: Record<string, string>;
} => JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Whether a file of ours exists at this path. */
export const isFile = (path: string): boolean => existsSync(join(root, path));

function readAliases(): [string, string][] {
  return Object.entries(readPackage().imports).map(([name, target]) => [
    name.replace("*", ""),
    target.replace("*", "").replace("./", ""),
  ]);
}

function resolveTarget(from: string, specifier: string, aliases: [string, string][]): string | undefined {
  if (specifier.startsWith(".")) return normalize(join(dirname(from), specifier)).replaceAll("\\", "/");
  for (const [name, target] of aliases) {
    if (name.endsWith("/") ? specifier.startsWith(name) : specifier === name) {
      return normalize(target + specifier.slice(name.length));
    }
  }
  return undefined;
}

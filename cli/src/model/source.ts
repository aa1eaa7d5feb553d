/**
 * Where a model file comes from: `pypi:NAME==VERSION/member/in/wheel.gguf`, `hf:owner/repo/file.gguf`, `file:path`.
 */
import { basename, resolve } from "node:path";
import { TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";

/** A parsed source. */
export type ModelSource =
  | {
      readonly kind: "pypi";
      readonly requirement: string;
      readonly member: string;
      readonly fileName: string;
    }
  | { readonly kind: "hf"; readonly repository: string; readonly file: string; readonly fileName: string }
  | { readonly kind: "file"; readonly path: string; readonly fileName: string };

const PYPI = /^pypi:([A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+)\/(.+)$/;
const HUB = /^hf:([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)\/(.+)$/;

/**
 * Parses a source.
 * @throws TrimtabError INVALID_ARGUMENT naming the accepted forms.
 */
export function parseModelSource(text: string): ModelSource {
  const pypi = PYPI.exec(text);
  if (pypi) {
    const [, requirement = "", member = ""] = pypi;
    return { kind: "pypi", requirement, member: checkedMember(member), fileName: basename(member) };
  }
  const hub = HUB.exec(text);
  if (hub) {
    const [, repository = "", file = ""] = hub;
    return { kind: "hf", repository, file: checkedMember(file), fileName: basename(file) };
  }
  if (text.startsWith("file:")) {
    const path = resolve(text.slice("file:".length));
    if (!path.endsWith(".gguf")) throw noModelPath(path);
    return { kind: "file", path, fileName: basename(path) };
  }
  throw new TrimtabError(
    "INVALID_ARGUMENT",
    "a model source is pypi:NAME==VERSION/path/in/wheel.gguf, hf:owner/repo/file.gguf or file:path.gguf",
    { field: "source" },
  );
}

function checkedMember(path: string): string {
  const unsafe = path.split("/").some((part) => part === "" || part === "." || part === "..");
  if (unsafe || !path.endsWith(".gguf")) throw noModelPath(path);
  return path;
}

const noModelPath = (path: string): TrimtabError =>
  new TrimtabError("INVALID_ARGUMENT", `${quoted(path)} is not a path to a .gguf file`, { field: "source" });

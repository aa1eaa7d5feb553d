/** Files that are named on the command line. */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { TrimtabError } from "#kit/errors.ts";

/** The bytes of a file; `field` is what it was given as. @throws TrimtabError ARTIFACT_NOT_FOUND if it cannot be read */
export function readGiven(path: string, field: string): Buffer<ArrayBuffer> {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_NOT_FOUND", `${path} cannot be read`, { field, cause });
  }
}

/** The text of a file, without the mark that some editors put before it. @throws TrimtabError as `readGiven`; INVALID_ARGUMENT */
export function readGivenText(path: string, field: string): string {
  const bytes = readGiven(path, field);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TrimtabError("INVALID_ARGUMENT", `${path} is not in UTF-8`, { field, cause });
  }
}

/**
 * Throws unless a file can be written there: asked before the work whose result it is to hold.
 * @throws TrimtabError INVALID_ARGUMENT
 */
export function checkWritable(path: string | undefined, field: string): void {
  if (path === undefined) return;
  try {
    const known = statSync(path, { throwIfNoEntry: false });
    if (known?.isDirectory()) throw new TypeError("a directory");
    accessSync(known ? path : dirname(resolve(path)), constants.W_OK);
  } catch (cause) {
    throw new TrimtabError("INVALID_ARGUMENT", `${path} cannot be written`, { field, cause });
  }
}

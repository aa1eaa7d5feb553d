/** Files that are named on the command line. */
import { readFileSync } from "node:fs";
import { TrimtabError } from "#kit/errors.ts";

/** The bytes of a file; `field` is what it was given as. @throws TrimtabError ARTIFACT_NOT_FOUND if it cannot be read */
export function readGiven(path: string, field: string): Buffer<ArrayBuffer> {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_NOT_FOUND", `${path} cannot be read`, { field, cause });
  }
}

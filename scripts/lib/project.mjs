// Where things are, relative to this package and never to the current folder.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root folder. */
export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path inside the package. */
export const inProject = (...parts) => join(projectRoot, ...parts);

/** The parsed package.json. */
export const readPackage = () => JSON.parse(readFileSync(inProject("package.json"), "utf8"));

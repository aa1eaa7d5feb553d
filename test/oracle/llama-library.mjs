// Installs llama.cpp's prebuilt library (npm: @node-llama-cpp/linux-x64) into the cache, once. It is no dependency of the project,
// because npm refuses to install a package made for another platform.
// Cost: 30 MB unpacked, downloaded once; afterwards a look at one file.

import { join } from "node:path";
import { ensurePackage } from "../../scripts/lib/npm-package.mjs";
import { cacheFolder } from "../../scripts/model.mjs";

const LIBRARY = {
  name: "@node-llama-cpp/linux-x64",
  version: "3.22.1",
  integrity:
    "sha512-5uCCDNqWCNfaAm8aR/Uzxbo4HBpKgNF91kCHPepKhgMgV2OAmatoefbOlMihsqCiH2Od35E/eUHQCFbfRBJuOg==",
};

/**
 * Makes sure that the library is there.
 * @returns the folder of its shared objects; null on platforms it is not made for.
 * @throws SetupFailure NPM_MISSING, DOWNLOAD_FAILED.
 */
export async function ensureLlama() {
  if (process.platform !== "linux" || process.arch !== "x64") return null;
  const installed = await ensurePackage(join(cacheFolder(), "llama", LIBRARY.version), LIBRARY);
  return join(installed, "bins", "linux-x64");
}

// transformers.js as its own browser bundle, with the WebAssembly of the ONNX runtime it was made for. Cost: 160 MB in the cache.

import { join } from "node:path";
import { ensurePackage, isPackageThere, packageFolder } from "../lib/npm-package.mjs";

const LIBRARY = {
  name: "@huggingface/transformers",
  version: "4.3.1",
  integrity:
    "sha512-5+voSeUCFK6PCKlY15dPhNOKq3/zOTxDN7oC+Wy9dFb1QZ0TSQomZRRy7URRK8YRuUoE9fGMQTTPC5d/pWBJhA==",
};
/** The version that this release of the library asks for. */
const RUNTIME = {
  name: "onnxruntime-web",
  version: "1.31.0-dev.20260914-8d85527a0",
  integrity:
    "sha512-Iy7rtadoBgxS/LLvDr3QW38DB1PNXRnr0GJMcL0TAt7c9qjgVQl83UlGCVyeAnK2InpmW8Uc3PL8XIuqtDeF6g==",
};

/** A package in the cache, as `peers.mjs` wants it; the folder of its bundles is what a page needs. */
const cached = (pin, peer) => {
  const folderIn = (cache) => join(cache, "peers", `${pin.name.split("/").at(-1)}-${pin.version}`);
  return {
    find(cache) {
      const folder = folderIn(cache);
      if (isPackageThere(folder, pin))
        return { path: join(packageFolder(folder, pin), "dist"), version: pin.version };
      return { absent: `not installed: npm run bench:peers -- ${peer}` };
    },
    ensure: (cache) => ensurePackage(folderIn(cache), pin),
  };
};

export const transformersJs = cached(LIBRARY, "transformers-js");
export const onnxRuntimeWeb = cached(RUNTIME, "onnxruntime-web");

// wllama (llama.cpp compiled to WebAssembly for browsers) in two versions: the current one, and the last that has SIMD kernels for
// quantized weights. Cost: 30 MB in the cache.

import { join } from "node:path";
import { ensurePackage, isPackageThere, packageFolder } from "../lib/npm-package.mjs";

const NAME = "@wllama/wllama";
const INTEGRITIES = {
  "2.3.1": "sha512-4PxA9YwynAc/GfYV2NoHZexT0pOdmQiPqRxTjf5rIE/JZly0vWE3uLofRLw5Ehuz5E/RwruQm5z7/wBykFObUQ==",
  "3.8.1": "sha512-Pl7BEJhPU8OHnV/yhn3DFZYhLLOdSHh+4TND79WCftHnlUAdQPAsyc/CfIOY+4mVxvf5VW3Xw3Uf7BBfotS1gw==",
};

/** The peer of one version, as `peers.mjs` wants it. */
export function wllamaPeer(version) {
  const pin = { name: NAME, version, integrity: INTEGRITIES[version] };
  const folderIn = (cache) => join(cache, "peers", `wllama-${version}`);
  return {
    find(cache) {
      const folder = folderIn(cache);
      if (isPackageThere(folder, pin)) return { path: packageFolder(folder, pin), version };
      return { absent: `not installed: npm run bench:peers -- wllama-${version}` };
    },
    ensure: (cache) => ensurePackage(folderIn(cache), pin),
  };
}

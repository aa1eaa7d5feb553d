/** What the module exports: regions and threads, the self-test, the sampler's passes, probes. */
export { runRegion, serve, stopThreads, useThreads } from "./pool";
export { issue, readThrough } from "./probe";
export { adjust, massAdjusted, rawLogit, restore } from "./sample-adjust";
export { draw, fillBins, mass } from "./sample";
export { find, largest, scan } from "./sample-scan";
export { noise, sortBin, sortedId, sortedLogit, sortTop, weightOf } from "./sample-order";
export { selfTest } from "./self-test";

/** What the module exports: regions and threads, the self-test, the sampler's passes. */
export { runRegion, serve, stopThreads, useThreads } from "./pool";
export { draw, fillBins, find, largest, mass, scan } from "./sample";
export { noise, sortBin, sortedId, sortedLogit, sortTop, weightOf } from "./sample-order";
export { selfTest } from "./self-test";

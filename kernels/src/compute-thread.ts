/**
 * A compute thread: a worker that instantiates the kernels on the shared memory, says so, and then lives inside wasm
 * until it is asked to stop. A trap is made known in the control line, so that the caller's region fails instead of hanging.
 */
import { FAULT } from "../assembly/layout.ts";
import { instantiate } from "./module.ts";

declare const self: Worker;

self.onmessage = (
  event: MessageEvent<{ module: WebAssembly.Module; memory: WebAssembly.Memory; thread: number }>,
) => {
  const { module, memory, thread } = event.data;
  const kernels = instantiate(module, memory);
  self.postMessage("ready");
  try {
    kernels.serve(thread);
  } catch (error) {
    Atomics.store(new Int32Array(memory.buffer), FAULT / 4, 1);
    throw error;
  }
  self.postMessage("done");
};

/**
 * A compute thread: a worker that instantiates the kernels on the shared memory, says so, and then lives inside wasm
 * until it is asked to stop.
 */
import { instantiate } from "./module.ts";

declare const self: Worker;

self.onmessage = (
  event: MessageEvent<{ module: WebAssembly.Module; memory: WebAssembly.Memory; thread: number }>,
) => {
  const { module, memory, thread } = event.data;
  const kernels = instantiate(module, memory);
  self.postMessage("ready");
  kernels.serve(thread);
  self.postMessage("done");
};

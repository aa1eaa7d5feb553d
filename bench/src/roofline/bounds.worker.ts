/** One thread of the roofline: a message with a module makes it ready, `{ bytes }` or `{ turns }` is answered with seconds. */

interface Exports {
  readonly memory: WebAssembly.Memory;
  read(from: number, bytes: number): number;
  multiply(turns: number): number;
}

let probe: Exports | undefined;

addEventListener(
  "message",
  ({ data }: MessageEvent<{ module?: WebAssembly.Module; bytes?: number; turns?: number }>): void => {
    if (data.module) {
      probe = new WebAssembly.Instance(data.module).exports as unknown as Exports;
      grow(probe.memory, data.bytes ?? 0);
      return postMessage(0);
    }
    const beganMs = performance.now();
    if (data.bytes !== undefined) probe?.read(0, data.bytes);
    if (data.turns !== undefined) probe?.multiply(data.turns);
    postMessage((performance.now() - beganMs) / 1000);
  },
);

/** Makes the memory as large as what is to be read, and touches all of it. */
function grow(memory: WebAssembly.Memory, bytes: number): void {
  const missing = Math.ceil(bytes / 65_536) - memory.buffer.byteLength / 65_536;
  if (missing > 0) memory.grow(missing);
  new Uint8Array(memory.buffer).fill(1);
}

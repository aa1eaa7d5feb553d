/** Values of GGUF blocks, and blocks of values, by the PyPI package gguf: the reference of every tensor type. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPython } from "./python.ts";

/** A running reference. */
export interface Formats {
  /** The f32 values of whole blocks of a type, named as in GGUF files. */
  dequantize(type: string, blocks: Uint8Array): Promise<Float32Array>;
  /** Whole blocks of values. */
  quantize(type: string, values: Float32Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Starts the reference. */
export async function createFormats(): Promise<Formats> {
  const program = await startPython("dequantise.py", []);
  const exchange = async (op: string, kind: string, input: Uint8Array): Promise<Uint8Array> => {
    const base = join(tmpdir(), `trimtab-formats-${process.pid}-${Bun.randomUUIDv7()}`);
    const [source, path] = [`${base}.in`, `${base}.out`];
    try {
      writeFileSync(source, input);
      await program.call(op, { kind, source, path });
      return new Uint8Array(readFileSync(path));
    } finally {
      rmSync(source, { force: true });
      rmSync(path, { force: true });
    }
  };
  return {
    async dequantize(type, blocks) {
      return new Float32Array((await exchange("values", type, blocks)).buffer);
    },
    quantize: (type, values) =>
      exchange("blocks", type, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
    close: () => program.close(),
  };
}

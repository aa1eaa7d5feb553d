/** llama.cpp's own GGUF reader and type table (libggml-base from npm), called through bun:ffi: the reference of the tests. */
import { CString, dlopen, FFIType, type Pointer, ptr } from "bun:ffi";
import { join } from "node:path";
import { llamaLibraries } from "../../oracle/setup.ts";

const { ptr: P, i32, i64, u64, u8, usize } = { ...FFIType, usize: FFIType.u64 };
const { symbols: ggml } = dlopen(join(llamaLibraries(), "libggml-base.so"), {
  ggml_blck_size: { args: [i32], returns: i64 },
  ggml_type_size: { args: [i32], returns: usize },
  ggml_type_name: { args: [i32], returns: P },
  gguf_init_from_file: { args: [P, u8, P], returns: P },
  gguf_free: { args: [P], returns: FFIType.void },
  gguf_get_n_kv: { args: [P], returns: i64 },
  gguf_get_key: { args: [P, i64], returns: P },
  gguf_get_n_tensors: { args: [P], returns: i64 },
  gguf_get_tensor_name: { args: [P, i64], returns: P },
  gguf_get_tensor_offset: { args: [P, i64], returns: u64 },
  gguf_get_tensor_size: { args: [P, i64], returns: u64 },
  gguf_get_tensor_type: { args: [P, i64], returns: i32 },
  gguf_get_data_offset: { args: [P], returns: u64 },
  gguf_find_key: { args: [P, P], returns: i64 },
  gguf_get_val_u32: { args: [P, i64], returns: FFIType.u32 },
  gguf_get_val_str: { args: [P, i64], returns: P },
});

const cText = (pointer: Pointer | bigint | null): string =>
  pointer === null ? "" : new CString(Number(pointer) as Pointer).toString();

/** Block size in elements, block bytes and name of a type, according to ggml. */
export function ggmlType(id: number): { name: string; blockElements: number; blockBytes: number } {
  return {
    name: cText(ggml.ggml_type_name(id)),
    blockElements: Number(ggml.ggml_blck_size(id)),
    blockBytes: Number(ggml.ggml_type_size(id)),
  };
}

/** What ggml reads from a GGUF file. */
export interface GgmlView {
  readonly keys: string[];
  readonly tensors: { name: string; offset: number; sizeBytes: number; type: number }[];
  readonly u32: (key: string) => number;
  readonly text: (key: string) => string;
}

/** Reads a GGUF file with ggml, hands its view to `use`, and frees it; null if ggml refuses the file. */
export function withGgml<T>(path: string, use: (view: GgmlView | null) => T): T {
  // The parameter struct {bool no_alloc; ggml_context **ctx} travels in two registers: two plain arguments.
  const context = ggml.gguf_init_from_file(ptr(Buffer.from(`${path}\0`)), 1, null);
  if (context === null) return use(null);
  try {
    const count = Number(ggml.gguf_get_n_tensors(context));
    const dataOffset = Number(ggml.gguf_get_data_offset(context));
    const find = (key: string): bigint => BigInt(ggml.gguf_find_key(context, ptr(Buffer.from(`${key}\0`))));
    return use({
      keys: Array.from({ length: Number(ggml.gguf_get_n_kv(context)) }, (_, i) =>
        cText(ggml.gguf_get_key(context, BigInt(i))),
      ),
      tensors: Array.from({ length: count }, (_, i) => ({
        name: cText(ggml.gguf_get_tensor_name(context, BigInt(i))),
        offset: dataOffset + Number(ggml.gguf_get_tensor_offset(context, BigInt(i))),
        sizeBytes: Number(ggml.gguf_get_tensor_size(context, BigInt(i))),
        type: ggml.gguf_get_tensor_type(context, BigInt(i)),
      })),
      u32: (key) => ggml.gguf_get_val_u32(context, find(key)),
      text: (key) => cText(ggml.gguf_get_val_str(context, find(key))),
    });
  } finally {
    ggml.gguf_free(context);
  }
}

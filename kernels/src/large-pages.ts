/**
 * Asks Linux to back an arena with pages of 2 MiB. A decode step reads a hundred megabytes once; from pages of 4 KiB every
 * 64 cache lines wait for an address to be looked up. Most systems give large pages to those who ask (`madvise`), and
 * WebAssembly has no way to ask, so one system call goes through Bun. Where there is no such call nothing changes but time.
 * Cost: some milliseconds for the first arena of a process.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";

const MADV_HUGEPAGE = 14;
const MADV_NOHUGEPAGE = 15;
/** glibc; musl's loader knows itself by this name too. */
const LIBRARY = "libc.so.6";

/**
 * Asks for large pages of the whole memory, or (to measure what they are worth) for none, before it is written; its bytes stay
 * what they are. Answers whether the system has agreed.
 */
export function useLargePages(memory: WebAssembly.Memory, isWanted: boolean): boolean {
  if (process.platform !== "linux") return false;
  try {
    const { symbols } = dlopen(LIBRARY, {
      madvise: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
    });
    const { buffer } = memory;
    const advice = isWanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
    return symbols.madvise(ptr(new Uint8Array(buffer)), buffer.byteLength, advice) === 0;
  } catch {
    return false;
  }
}

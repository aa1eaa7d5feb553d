/**
 * How the kernel takes turns between our threads on a machine whose processors are all taken. A thread that is seldom busy and always
 * awaited asks for short turns: it is let on as soon as it wakes up, where it otherwise waits for the turn of a compute thread to end
 * (1.4 to 4 ms). A thread that computes for long gives way: it takes nobody's turn away when it wakes up, and has long turns, which those
 * who ask for shorter ones may interrupt. Neither changes how much of a processor anybody gets in all. Linux, turns by their length
 * from 6.12 on; elsewhere nothing happens.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { getPriority } from "node:os";

/** The system call sched_setattr, by architecture. */
const SCHED_SETATTR: Readonly<Record<string, number>> = { x64: 314, arm64: 274 };
/** `struct sched_attr`: u32 size, u32 policy, u64 flags, i32 nice, u32 priority, u64 runtime, u64 deadline, u64 period. */
const ATTRIBUTES_BYTES = 48;
const [NORMAL, BATCH] = [0, 3];
const RESET_ON_FORK = 1n;
/** About what a request takes of the gateway before its first wait: a shorter turn would end within it. The usual one is 1.4 to 3 ms. */
const SHORT_NS = 400_000n;
const LONG_NS = 20_000_000n;

/** Asks for short turns of the calling thread; what it starts has turns as usual. False where the system has none. */
export function askForShortTurns(): boolean {
  return schedule(NORMAL, RESET_ON_FORK, SHORT_NS);
}

/** Makes the calling thread, and the threads it starts from now on, give way. False where the system cannot. */
export function giveWay(): boolean {
  return schedule(BATCH, 0n, LONG_NS);
}

function schedule(policy: number, flags: bigint, sliceNs: bigint): boolean {
  const call = SCHED_SETATTR[process.arch];
  if (process.platform !== "linux" || call === undefined) return false;
  const attributes = new DataView(new ArrayBuffer(ATTRIBUTES_BYTES));
  attributes.setUint32(0, ATTRIBUTES_BYTES, true);
  attributes.setUint32(4, policy, true);
  attributes.setBigUint64(8, flags, true);
  attributes.setInt32(16, getPriority(), true);
  attributes.setBigUint64(24, sliceNs, true);
  try {
    const libc = dlopen("libc.so.6", {
      syscall: { args: [FFIType.i64, FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i64 },
    });
    const result = libc.symbols.syscall(call, 0, ptr(attributes), 0);
    libc.close();
    return Number(result) === 0;
  } catch {
    // Another C library, or a sandbox that allows no such calls.
    return false;
  }
}

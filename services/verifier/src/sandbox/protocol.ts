/** What goes between the sandbox and its child process. Plain JSON. */

/** A call of the function under test, and what it must return. */
export interface UnitTest {
  readonly arguments: readonly unknown[];
  readonly expected: unknown;
}

/** Code to run, the function to call, and its tests. */
export interface SandboxJob {
  readonly code: string;
  readonly functionName: string;
  readonly tests: readonly UnitTest[];
}

/** How a run ended. `broken`: the code does not load or has no such function. */
export type SandboxEnd = "finished" | "timed_out" | "out_of_memory" | "broken";

/** Tests passed of those given, and how the run ended. */
export interface SandboxResult {
  readonly end: SandboxEnd;
  readonly passed: number;
  /** First thing that went wrong, in words; empty if nothing did. */
  readonly witness: string;
}

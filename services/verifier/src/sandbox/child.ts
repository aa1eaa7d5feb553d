/**
 * The child process of the sandbox: runs untrusted JavaScript in QuickJS compiled to WebAssembly, which has no files, no
 * network, no clock but Date and no way out; bounded in memory, and in time by an interrupt that its loops poll. Native
 * loops that do not poll end with this process, which the parent kills. Cost: ~2 ms a job after the first.
 */
import variant from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant, type QuickJSContext } from "quickjs-emscripten-core";
import { startProcessClock } from "#kit/process-time.ts";
import { SANDBOX_LIMITS } from "../../limits.ts";
import type { SandboxJob, SandboxResult, UnitTest } from "./protocol.ts";

let engine = await newQuickJSWASMModuleFromVariant(variant);

/** What answers use beside their function and expect to be there, to no effect: they print an example, or export. */
const SURROUNDINGS = `
  globalThis.console = new Proxy({}, { get: () => () => {} });
  globalThis.module = { exports: {} };
  globalThis.exports = module.exports;
`;

process.on("message", async (job: SandboxJob) => {
  const { isLost, ...result } = run(job);
  if (isLost) engine = await newQuickJSWASMModuleFromVariant(variant);
  process.send?.(result);
});
process.on("disconnect", () => process.exit(0));

/** Runs a job; the engine may be lost with it. */
function run({ code, functionName, tests }: SandboxJob): SandboxResult & { readonly isLost: boolean } {
  const runtime = engine.newRuntime();
  runtime.setMemoryLimit(SANDBOX_LIMITS.memoryBytes);
  runtime.setMaxStackSize(SANDBOX_LIMITS.stackBytes);
  const context = runtime.newContext();
  context.unwrapResult(context.evalCode(SURROUNDINGS)).dispose();
  const jobMs = startProcessClock();
  const withDeadline = (source: string): string | Trouble => {
    const stepMs = startProcessClock();
    runtime.setInterruptHandler(() => stepMs() > SANDBOX_LIMITS.stepMs || jobMs() > SANDBOX_LIMITS.jobMs);
    return evaluate(context, source);
  };
  let passed = 0;
  let trouble: Trouble | undefined;
  try {
    const loaded = withDeadline(`${code}\n;typeof ${functionName}`);
    if (loaded !== "function") {
      trouble =
        typeof loaded === "string" ? { end: "broken", witness: `${functionName} is not a function` } : loaded;
      if (trouble.end === "finished") trouble = { ...trouble, end: "broken" };
    } else {
      for (const test of tests) {
        const failed = check(withDeadline(callOf(functionName, test)), functionName, test);
        if (failed === undefined) passed++;
        trouble ??= failed;
        if (failed !== undefined && failed.end !== "finished") {
          trouble = failed;
          break;
        }
      }
    }
  } catch (error) {
    // Deep nesting has used up the host's own stack in the middle of the engine, which cannot go on.
    return { end: "out_of_memory", passed, witness: String(error).slice(0, 200), isLost: true };
  }
  context.dispose();
  runtime.dispose();
  return { end: trouble?.end ?? "finished", passed, witness: trouble?.witness ?? "", isLost: false };
}

interface Trouble {
  readonly end: SandboxResult["end"];
  readonly witness: string;
}

const callOf = (name: string, test: UnitTest): string =>
  `JSON.stringify(${name}(...JSON.parse(${JSON.stringify(JSON.stringify(test.arguments))})))`;

/** What is wrong with the outcome of a call; undefined if it is the expected one. */
function check(
  outcome: string | Trouble,
  name: string,
  { arguments: given, expected }: UnitTest,
): Trouble | undefined {
  const call = `${name}(${given.map((one) => JSON.stringify(one)).join(", ")})`.slice(0, 120);
  if (typeof outcome !== "string") return { ...outcome, witness: `${call}: ${outcome.witness}` };
  try {
    const value = JSON.parse(outcome) as unknown;
    if (Bun.deepEquals(value, expected, true)) return undefined;
    return { end: "finished", witness: `${call} gives ${JSON.stringify(value)?.slice(0, 80)}` };
  } catch {
    return { end: "finished", witness: `${call} gives no JSON value` };
  }
}

/** The value of a source as a string, or what stopped it. */
function evaluate(context: QuickJSContext, source: string): string | Trouble {
  const result = context.evalCode(source);
  if (result.error === undefined) {
    const text = context.getString(result.value);
    result.value.dispose();
    return text;
  }
  const name = context.getProp(result.error, "name").consume((handle) => context.getString(handle));
  const message = context.getProp(result.error, "message").consume((handle) => context.getString(handle));
  result.error.dispose();
  const witness = `${name}: ${message}`.slice(0, 200);
  if (message === "interrupted") return { end: "timed_out", witness };
  if (message === "out of memory" || name === "null") return { end: "out_of_memory", witness };
  return { end: "finished", witness };
}

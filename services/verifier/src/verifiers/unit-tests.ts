/**
 * Does the answer's JavaScript function pass unit tests? It runs in a sandbox: another process, QuickJS in WebAssembly, no
 * files, no network, bounded in time and memory. Cost: at most the sandbox's time a job, ~2 ms for small functions.
 */
import { SANDBOX_LIMITS } from "../../limits.ts";
import type { SandboxEnd, UnitTest } from "../sandbox/protocol.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { extractCode } from "../text/code.ts";
import { fromConnectError } from "#kit/errors.ts";
import type { Outcome, Verifier } from "../verifier.ts";

interface TestParameters {
  readonly function: string;
  readonly tests: UnitTest[];
}

const LABELS: Record<Exclude<SandboxEnd, "finished">, string> = {
  timed_out: "timed_out",
  out_of_memory: "out_of_memory",
  broken: "broken",
};

/** Creates the verifier "unit_tests"; the sandbox is the caller's to close. */
export function createUnitTestsVerifier(sandbox: Sandbox): Verifier {
  return {
    name: "unit_tests",
    kind: "outcome",
    access: "program",
    needs: ["text"],
    judgesEachAlone: true,
    labels: ["passed", "failed", ...Object.values(LABELS)],
    description: "Share of unit tests that a JavaScript function in the answer passes, run in a sandbox.",
    calibration: "exact on the tests given; code that had to be killed gets no score",
    parameters: {
      type: "object",
      properties: {
        function: { type: "string", pattern: "^[A-Za-z_$][A-Za-z0-9_$]{0,63}$", description: "Its name." },
        tests: {
          type: "array",
          items: {
            type: "object",
            properties: {
              arguments: { type: "array", maxItems: SANDBOX_LIMITS.arguments },
              expected: { description: "JSON value that must come back." },
            },
            required: ["arguments", "expected"],
            additionalProperties: false,
          },
          minItems: 1,
          maxItems: SANDBOX_LIMITS.tests,
          description: "Calls and what they must return.",
        },
      },
      required: ["function", "tests"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { function: functionName, tests } = parameters as unknown as TestParameters;
      const judge = async (text: string): Promise<Outcome> => {
        const code = extractCode(text);
        if (code.length > SANDBOX_LIMITS.codeChars) {
          return {
            failure: "TOO_LARGE",
            reason: `the code is longer than ${SANDBOX_LIMITS.codeChars} characters`,
          };
        }
        try {
          const { end, passed, witness } = await sandbox.run({ code, functionName, tests });
          const label = end === "finished" ? (passed === tests.length ? "passed" : "failed") : LABELS[end];
          const reason = `${passed} of ${tests.length} tests pass${witness === "" ? "" : `; ${witness}`}`;
          return { score: passed / tests.length, label, reason };
        } catch (error) {
          const { reason, message } = fromConnectError(error);
          return { failure: reason, reason: message };
        }
      };
      return {
        async score(batch, { call }) {
          const outcomes: Outcome[] = [];
          for (const { text } of batch) {
            call.signal.throwIfAborted();
            outcomes.push(await judge(text));
          }
          return outcomes;
        },
      };
    },
  };
}

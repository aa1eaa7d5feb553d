/** The exit status of a failed command, by the reason of its failure: as docs/cli.md has it. */
import { expect, test } from "bun:test";
import { type Reason, TrimtabError } from "#kit/errors.ts";
import { EXIT, exitStatusOf } from "#kit/failure.ts";

test.each<[keyof typeof EXIT, Reason[]]>([
  [
    "usage",
    ["INVALID_ARGUMENT", "FIELD_REQUIRED", "FIELD_OUT_OF_RANGE", "UNKNOWN_FIELD", "CONTEXT_OVERFLOW"],
  ],
  ["missing", ["ARTIFACT_NOT_FOUND", "MODEL_NOT_FOUND", "RECIPE_NOT_FOUND"]],
  ["unfit", ["ARTIFACT_INVALID", "ARTIFACT_CORRUPT", "ARTIFACT_INCOMPATIBLE", "TOO_LARGE", "UNSUPPORTED"]],
  ["unfit", ["SHAPE_MISMATCH", "DTYPE_MISMATCH", "NON_FINITE", "TOKENIZER_INVALID", "BACKEND_CAPABILITY"]],
  ["unavailable", ["SERVICE_UNAVAILABLE"]],
  ["failure", ["INTERNAL", "ARTIFACT_EXISTS", "QUEUE_FULL"]],
])("%s: %p", (status, reasons) => {
  for (const reason of reasons) expect(exitStatusOf(new TrimtabError(reason, "no"))).toBe(EXIT[status]);
});

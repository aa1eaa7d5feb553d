/** Problems a verifier is trained on: a JSONL file, a line a problem, as `npm run eval -- tasks` prints them. */
import type { JsonObject } from "@bufbuild/protobuf";
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { readGivenText } from "../given-file.ts";

const problemSchema = z.strictObject({
  /** Name of its content: an evaluation refuses problems a verifier has seen. */
  id: z.string().min(1).max(64),
  messages: z.array(z.strictObject({ role: z.string(), content: z.string() })).min(1),
  /** Verifier that decides whether an answer is right (score 1). */
  outcome: z.strictObject({ name: z.string(), parameters: z.record(z.string(), z.unknown()) }),
  /** Strings that end a step. */
  separators: z.array(z.string().min(1)).min(1),
  /** Most tokens of an answer. */
  maxTokens: z.int().min(1),
});

/** One problem. */
export interface TrainingProblem extends Omit<z.infer<typeof problemSchema>, "outcome"> {
  readonly outcome: { readonly name: string; readonly parameters: JsonObject };
}

/** Reads a file. @throws TrimtabError ARTIFACT_NOT_FOUND, INVALID_ARGUMENT that names the line. */
export function readProblems(path: string): TrainingProblem[] {
  const text = readGivenText(path, "problems");
  const lines = text.split("\n").map((line, index) => ({ line, place: `${path}:${index + 1}` }));
  return lines.filter(({ line }) => line.trim() !== "").map(({ line, place }) => parse(line, place));
}

function parse(line: string, place: string): TrainingProblem {
  const fail = (why: string) =>
    new TrimtabError("INVALID_ARGUMENT", `${place}: ${why}`, { field: "problems" });
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    throw fail("not JSON");
  }
  const { data, error } = problemSchema.safeParse(row);
  if (data) return data as TrainingProblem;
  throw fail(`${error.issues[0]?.path.join(".")} ${error.issues[0]?.message}`);
}

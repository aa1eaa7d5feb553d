/** Constraints of the schema, bounded: what they say is read in a thread, where that holds nobody up. */
import { TrimtabError } from "#kit/errors.ts";
import { sha256Hex } from "#kit/files.ts";
import type { Constraint, TaggedConstraint } from "#proto/trimtab/type/v1/generation_pb.ts";
import { MAX_CHOICES, MAX_CONSTRAINT_BYTES } from "../../limits.ts";
import type { GrammarSource } from "../grammar/messages.ts";
import { checkBytes, checkCount } from "./checks.ts";

const FIELDS = {
  jsonSchema: "constraint.json_schema.schema",
  jsonObject: "constraint.json_object",
  regex: "constraint.regex",
  ebnf: "constraint.ebnf",
  choice: "constraint.choice.values",
  tagged: "constraint.tagged",
} as const;
const encoder = new TextEncoder();

/** A constraint as the engine takes it; null for none. @throws TrimtabError FIELD_REQUIRED, TOO_LARGE, naming its field */
export function toConstraint(constraint: Constraint | undefined): GrammarSource | null {
  if (!constraint) return null;
  const { kind } = constraint;
  if (kind.case === undefined) {
    throw new TrimtabError("FIELD_REQUIRED", "the constraint has no kind", { field: "constraint" });
  }
  const field = FIELDS[kind.case];
  if (kind.case === "choice") checkChoices(kind.value.values, field);
  else if (kind.case === "jsonSchema") checkText(kind.value.schema, field);
  else if (kind.case === "tagged") checkTagged(kind.value, field);
  else if (kind.case !== "jsonObject") checkText(kind.value, field);
  return { kind, field, digest: sha256Hex(encoder.encode(JSON.stringify(kind))) };
}

function checkTagged({ forms }: TaggedConstraint, field: string): void {
  checkChoiceCount(`${field}.forms`, forms.length);
  forms.forEach(({ mark, jsonSchema, end }, index) => {
    const at = `${field}.forms[${index}]`;
    checkText(mark, `${at}.mark`);
    checkText(end, `${at}.end`);
    if (jsonSchema) checkText(jsonSchema.schema, `${at}.json_schema.schema`);
  });
  const texts = forms.flatMap(({ mark, begin, jsonSchema, end }) => [
    ...[mark, begin],
    ...[jsonSchema?.schema ?? "", end],
  ]);
  checkText(texts.join(""), `${field}.forms`);
  checkMarks(
    forms.map(({ mark }) => mark),
    `${field}.forms`,
  );
}

/** Where a mark stands it is known what follows. @throws TrimtabError INVALID_ARGUMENT */
function checkMarks(marks: readonly string[], field: string): void {
  // Sorted, a text is right before those that it begins.
  const sorted = [...new Set(marks)].sort();
  const long = sorted.find((mark, at) => at > 0 && mark.startsWith(sorted[at - 1] as string));
  if (long === undefined) return;
  const at = `${field}[${marks.indexOf(long)}].mark`;
  throw new TrimtabError("INVALID_ARGUMENT", `${at} begins with the mark of another form`, { field: at });
}

function checkChoiceCount(field: string, count: number): void {
  if (count === 0) throw new TrimtabError("FIELD_REQUIRED", `${field} is empty`, { field });
  checkCount(field, count, MAX_CHOICES);
}

function checkChoices(values: readonly string[], field: string): void {
  checkChoiceCount(field, values.length);
  checkText(values.join(""), field);
  const empty = values.indexOf("");
  if (empty >= 0)
    throw new TrimtabError("FIELD_REQUIRED", `${field}[${empty}] is empty`, { field: `${field}[${empty}]` });
}

function checkText(text: string, field: string): void {
  if (text === "") throw new TrimtabError("FIELD_REQUIRED", `${field} is empty`, { field });
  checkBytes(field, text, MAX_CONSTRAINT_BYTES);
}

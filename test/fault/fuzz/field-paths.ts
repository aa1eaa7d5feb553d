/** Whether the field that an error names is one of the request: a path from the message, or from its `spec`, which errors leave out. */
import type { DescField, DescMessage } from "@bufbuild/protobuf";

const SEGMENT = /^([a-z][a-z0-9_]*)((?:\[\d+\])*)$/;
const FILE_REASONS = new Set(["ARTIFACT_INVALID", "ARTIFACT_INCOMPATIBLE"]);
/** Messages whose fields are the caller's own. */
const FREE_FORM = "google.protobuf.Struct";

/** Throws if a refusal names a field that the request cannot have; what is wrong in an artifact's file is named as there. */
export function checkField(
  message: DescMessage,
  reason: string,
  field: string | undefined,
  why: string,
): void {
  if (field === undefined || FILE_REASONS.has(reason) || isFieldOf(message, field)) return;
  throw new Error(`${message.typeName} has no field ${field}, which ${reason} names: ${why}`);
}

/** True if `path`, in the form `a.b[0].c`, leads through `message` to a field or to a oneof. */
export function isFieldOf(message: DescMessage, path: string): boolean {
  const spec = message.field["spec"]?.message;
  return leads(message, path.split(".")) || (spec !== undefined && leads(spec, path.split(".")));
}

function leads(message: DescMessage, path: readonly string[]): boolean {
  if (message.typeName === FREE_FORM || path.length === 0) return true;
  const [segment = "", ...rest] = path;
  const [, name = "", indices = ""] = SEGMENT.exec(segment) ?? [];
  const field = message.fields.find((candidate) => candidate.name === name);
  if (!field) return rest.length === 0 && message.oneofs.some((oneof) => oneof.name === name);
  if (indices !== "" && field.fieldKind !== "list") return false;
  return beyond(field, indices !== "", rest);
}

/** `isItem`: the path has named one item of a list. */
function beyond(field: DescField, isItem: boolean, rest: readonly string[]): boolean {
  if (rest.length === 0) return true;
  if (field.fieldKind === "map")
    return field.message ? leads(field.message, rest.slice(1)) : rest.length === 1;
  if (field.fieldKind === "list" && !isItem) return false;
  return field.message ? leads(field.message, rest) : false;
}

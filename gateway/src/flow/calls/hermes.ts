/** Hermes' syntax, which Qwen's models write, too: an object with `name` and `arguments` between two tags. */
import { parseExactly } from "#kit/exact-json.ts";
import { isJsonObject, type JsonObject } from "#kit/json-file.ts";
import { TOOL_LIMITS } from "#kit/limits.ts";
import { faultOfObject, TOOL_NAME } from "#kit/tools.ts";
import type { Tool } from "#proto/trimtab/type/v1/generation_pb.ts";
import { nestedSchema } from "./nested-schema.ts";
import type { CallSyntax } from "./syntax.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

/** The syntax. */
export const hermes: CallSyntax = {
  open: OPEN,
  close: CLOSE,
  unmarked: '{"name":"',
  opening: `${OPEN}\n`,
  schemaOf: (tools) => ({ anyOf: tools.map(schemaOfCall) }),
  beforeArguments: (name) => `\n{"name": "${name}", "arguments": `,
  afterArguments: `}\n${CLOSE}`,
  read(body) {
    // What is told as a call is taken back as one in the next request.
    if (faultOfObject(body, TOOL_LIMITS.argumentDepth + 1) !== undefined) return undefined;
    const { name, arguments: given = {} } = JSON.parse(body) as JsonObject;
    if (typeof name !== "string" || !TOOL_NAME.test(name) || !isJsonObject(given)) return undefined;
    return { name, arguments: JSON.stringify((parseExactly(body) as JsonObject).arguments ?? {}) };
  },
};

function schemaOfCall({ name, parameters }: Tool, index: number): object {
  const given = nestedSchema(parameters, `#/anyOf/${index}/properties/arguments`);
  return {
    type: "object",
    properties: { name: { const: name }, arguments: given },
    required: ["name", "arguments"],
    additionalProperties: false,
  };
}

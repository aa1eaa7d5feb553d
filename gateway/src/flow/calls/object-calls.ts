/** Calls as JSON objects of a name and arguments: what is around them, and what they call the arguments, tells the syntaxes apart. */
import { parseExactly } from "#kit/exact-json.ts";
import { isJsonObject } from "#kit/json-file.ts";
import { TOOL_LIMITS } from "#kit/limits.ts";
import { faultOfJson, faultOfObject, TOOL_NAME } from "#kit/tools.ts";
import type { Tool } from "#proto/trimtab/type/v1/generation_pb.ts";
import { nestedSchema } from "./nested-schema.ts";
import type { CallSyntax, WrittenCall } from "./syntax.ts";

/** One such syntax. */
export interface ObjectSyntax extends Pick<
  CallSyntax,
  "open" | "close" | "isHeldBehind" | "opening" | "held" | "isSingle" | "newId"
> {
  /** What the arguments are called. */
  readonly given: string;
  /** Behind `open` stands a list of calls. */
  readonly isList: boolean;
}

/** The syntax. */
export function objectCalls({ given, isList, ...syntax }: ObjectSyntax): CallSyntax {
  const toCall = (written: unknown): WrittenCall | undefined => {
    if (!isJsonObject(written)) return undefined;
    const { name, [given]: values = {} } = written;
    const json = JSON.stringify(values);
    const isCall = typeof name === "string" && TOOL_NAME.test(name);
    // What is told as a call is taken back as one in the next request.
    return isCall && faultOfObject(json, TOOL_LIMITS.argumentDepth) === undefined
      ? { name, arguments: json }
      : undefined;
  };
  return {
    ...syntax,
    unmarked: isList ? '[{"name":"' : '{"name":"',
    schemaOf: (tools) => ({ anyOf: tools.map((tool, index) => schemaOfCall(tool, index, given)) }),
    read(body) {
      if (faultOfJson(body, TOOL_LIMITS.argumentDepth + 2) !== undefined) return [];
      const written = parseExactly(body);
      const calls = (isList && Array.isArray(written) ? written : [written]).map(toCall);
      return calls.every((call) => call !== undefined) ? calls : [];
    },
  };
}

function schemaOfCall({ name, parameters }: Tool, index: number, given: string): object {
  return {
    type: "object",
    properties: {
      name: { const: name },
      [given]: nestedSchema(parameters, `#/anyOf/${index}/properties/${given}`),
    },
    required: ["name", given],
    additionalProperties: false,
  };
}

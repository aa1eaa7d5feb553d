/** Errors of the HTTP API: OpenAI's shape, status by kit's table, parameters under the names the client used. */
import { type Reason, toOpenAiError, fromConnectError, TrimtabError } from "#kit/errors.ts";

/** What is wrong with a request before it is understood; has a status and a code of its own. */
export class HttpProblem extends TrimtabError {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    context: { field?: string; limit?: string | number } = {},
  ) {
    super(REASON_OF_STATUS[status] ?? "INVALID_ARGUMENT", message, context);
  }
}

const REASON_OF_STATUS: Readonly<Record<number, Reason>> = {
  408: "DEADLINE_EXCEEDED",
  413: "TOO_LARGE",
  404: "UNSUPPORTED",
  405: "UNSUPPORTED",
};

/** Paths of fields that a client gave under other names, under ours. */
export type GivenNames = ReadonlyMap<string, string>;
const NO_NAMES: GivenNames = new Map();

/** Prefixes of our fields that the HTTP bodies do not have. */
const PREFIXES: readonly (readonly [string, string])[] = [
  ["sampling.", ""],
  ["conversation.", ""],
  ["steering.use.", "steering."],
  ["spec.", ""],
  ["ids.ids[", "prompt["],
  ["texts[", "input["],
  ["token_ids[", "input["],
  ["constraint.json_schema.", "response_format.json_schema."],
  ["constraint.choice.values", "structured_outputs.choice"],
];
/** Fields that are called otherwise there. */
const NAMES: Readonly<Record<string, string>> = {
  choices: "n",
  ignore_model_stop: "ignore_eos",
  text: "prompt",
  ids: "prompt",
  texts: "input",
  token_ids: "input",
  "steering.use": "steering",
  constraint: "response_format",
  "constraint.json_object": "response_format",
  "constraint.regex": "structured_outputs.regex",
  "constraint.ebnf": "structured_outputs.grammar",
};

const BAD_REQUEST = 400;

/** The body of an error answer. */
export interface ProblemBody {
  readonly error: { message: string; type: string; param: string | null; code: string | null };
}

/** Any error as status, headers and body; its parameter is called as the client called it. */
export function problemOf(
  thrown: unknown,
  given = NO_NAMES,
): {
  status: number;
  headers: Record<string, string>;
  body: ProblemBody;
} {
  const { status, headers, body } = toOpenAiError(thrown);
  const error = {
    ...body.error,
    param: body.error.param === null ? null : givenName(paramOf(body.error.param), given),
  };
  if (thrown instanceof HttpProblem) {
    return { status: thrown.status, headers, body: { error: { ...error, code: thrown.code } } };
  }
  // A body field this version does not carry is wrong with the request; a missing endpoint is another matter.
  const ofField = fromConnectError(thrown).reason === "UNSUPPORTED" && error.param !== null;
  return { status: ofField ? BAD_REQUEST : status, headers, body: { error } };
}

/** The error as a response. */
export function problemResponse(thrown: unknown, given = NO_NAMES): Response {
  const { status, headers, body } = problemOf(thrown, given);
  return Response.json(body, { status, headers });
}

/** Parts of functions and calls, which OpenAI's bodies have a level deeper. */
const OF_FUNCTIONS =
  /^(tools\[\d+\]|messages\[\d+\]\.tool_calls\[\d+\])\.(?=(name|description|parameters|strict|arguments)$)/;

function paramOf(field: string): string {
  const renamed = Object.hasOwn(NAMES, field) ? NAMES[field] : undefined;
  if (renamed !== undefined) return renamed;
  for (const [prefix, replacement] of PREFIXES) {
    if (field.startsWith(prefix)) return paramOf(replacement + field.slice(prefix.length));
  }
  return field.replace(OF_FUNCTIONS, "$1.function.").replace(/^tool_choice\..*/, "tool_choice");
}

/** The name of a field, or of the field it is in, that the client used. */
function givenName(param: string, given: GivenNames): string {
  const within = [...given.keys()].filter((ours) => param.startsWith(ours) && isEnd(param[ours.length]));
  const ours = within.toSorted((a, b) => b.length - a.length)[0];
  return ours === undefined ? param : `${given.get(ours)}${param.slice(ours.length)}`;
}

/** Where the name of a field ends. */
const isEnd = (next: string | undefined): boolean => next === undefined || next === "." || next === "[";

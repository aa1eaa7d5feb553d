/** How models write calls of functions into their texts: a closed table. */
import { randomUUID } from "node:crypto";
import { SYNTAX_MARKS } from "#kit/tools.ts";
import { type Tool, ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import { objectCalls } from "./object-calls.ts";

/** A call that was written. */
export interface WrittenCall {
  readonly name: string;
  /** A JSON object. */
  readonly arguments: string;
}

/** Where a call that the model chooses to make is held: what stands right before its arguments, and after them. */
export interface HeldCall {
  /** Holding begins behind it. */
  readonly mark: string;
  readonly begin: string;
  readonly end: string;
}

/** One syntax. */
export interface CallSyntax {
  /** Stands before calls, and after them; without a `close` they go on to the end of the answer. */
  readonly open: string;
  readonly close: string;
  /** Calls are held from `open` on; else from a mark of their own, which one behind `open` need not have. */
  readonly isHeldBehind: boolean;
  /** What stands before the name of the function in an answer that is calls without marks, blanks left out. */
  readonly unmarked: string;
  /** What an answer that is to be a call begins with. */
  readonly opening: string;
  /** A message makes one call at most. */
  readonly isSingle: boolean;
  /** JSON schema of the rest of it, if it calls one of `tools`. */
  schemaOf(tools: readonly Tool[]): object;
  /** How a call of a function is held. */
  held(name: string): HeldCall;
  /** The calls that stand between `open` and `close`, or after the opening; none if it is anything else. */
  read(body: string): readonly WrittenCall[];
  /** An id that templates of the syntax take. */
  newId(): string;
}

const randomChars = (): string => randomUUID().replaceAll("-", "");
const longId = (): string => `call_${randomChars()}`;

const MISTRAL_ID_CHARS = 9;
const SYNTAXES: Readonly<Record<number, CallSyntax>> = {
  [ToolSyntax.HERMES]: objectCalls({
    ...{ ...SYNTAX_MARKS.hermes, opening: `${SYNTAX_MARKS.hermes.open}\n`, isHeldBehind: true },
    ...{ given: "arguments", isList: false, isSingle: false, newId: longId },
    held: (name) => ({
      mark: SYNTAX_MARKS.hermes.open,
      begin: `\n{"name": "${name}", "arguments": `,
      end: `}\n${SYNTAX_MARKS.hermes.close}`,
    }),
  }),
  // Its calls have no mark but themselves.
  [ToolSyntax.LLAMA]: objectCalls({
    ...{ ...SYNTAX_MARKS.llama, opening: "", isHeldBehind: false },
    ...{ given: "parameters", isList: false, isSingle: true, newId: longId },
    held: (name) => ({ mark: `{"name": "${name}"`, begin: `, "parameters": `, end: "}" }),
  }),
  [ToolSyntax.MISTRAL]: objectCalls({
    ...{ ...SYNTAX_MARKS.mistral, opening: `${SYNTAX_MARKS.mistral.open} [`, isHeldBehind: true },
    ...{ given: "arguments", isList: true, isSingle: false },
    newId: () => randomChars().slice(0, MISTRAL_ID_CHARS),
    held: (name) => ({
      mark: SYNTAX_MARKS.mistral.open,
      begin: ` [{"name": "${name}", "arguments": `,
      end: "}]",
    }),
  }),
};

/** The syntax of a model, if it has one. */
export function callSyntaxOf(syntax: ToolSyntax): CallSyntax | undefined {
  return SYNTAXES[syntax];
}

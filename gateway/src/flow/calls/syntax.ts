/** How models write calls of functions into their texts: a closed table, one file a syntax. */
import { type Tool, ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import { hermes } from "./hermes.ts";

/** A call that was written. */
export interface WrittenCall {
  readonly name: string;
  /** A JSON object. */
  readonly arguments: string;
}

/** One syntax. */
export interface CallSyntax {
  /** Stands before a call, and after it. */
  readonly open: string;
  readonly close: string;
  /** What stands before the name of the function in a call, blanks left out. */
  readonly unmarked: string;
  /** What an answer that is to be a call begins with. */
  readonly opening: string;
  /** JSON schema of the rest of it, if it calls one of `tools`. */
  schemaOf(tools: readonly Tool[]): object;
  /** What stands between `open` and the arguments of a call that the model chooses to make. */
  beforeArguments(name: string): string;
  /** What stands after them, `close` included. */
  readonly afterArguments: string;
  /** What stands between `open` and `close`; undefined: no call. */
  read(body: string): WrittenCall | undefined;
}

const SYNTAXES: Readonly<Record<number, CallSyntax>> = { [ToolSyntax.HERMES]: hermes };

/** The syntax of a model, if it has one. */
export function callSyntaxOf(syntax: ToolSyntax): CallSyntax | undefined {
  return SYNTAXES[syntax];
}

/** What travels between the engine and a grammar thread. Plain data only. */
import type { ServedModel } from "#kit/model-identity.ts";
import type { Constraint } from "#proto/trimtab/type/v1/generation_pb.ts";

/** A grammar by name. */
export interface GrammarName {
  /** The field it came from, named in errors. */
  readonly field: string;
  /** SHA-256 of what it was made from, hex. */
  readonly digest: string;
}

/** What a grammar is made from. */
export interface GrammarSource extends GrammarName {
  readonly kind: Exclude<Constraint["kind"], { case: undefined }>;
}

/** Where the thread gets its tokens: a model, whose vocabulary must have this size. */
export interface TokenSource extends ServedModel {
  readonly vocabulary: number;
}

/** Work of a thread, in the order it is sent; `job` numbers ascend from 1. */
export type GrammarWork =
  /** First of all. */
  | { readonly type: "start"; readonly progress: SharedArrayBuffer; readonly tokens: TokenSource }
  /** `text`: EBNF with the rule `root`. */
  | { readonly type: "compile"; readonly grammar: GrammarName; readonly text: string }
  | { readonly type: "forget"; readonly digest: string }
  /** Matches a text from its beginning; `ids` is what there is of it. */
  | {
      readonly type: "begin";
      readonly matcher: number;
      readonly digest: string;
      readonly stopIds: readonly number[];
      readonly ids: readonly number[];
      /** Header, then the mask: i32 [MASK_HEADER + ceil(vocabulary / 32)]. */
      readonly mask: SharedArrayBuffer;
    }
  | { readonly type: "accept"; readonly matcher: number; readonly id: number }
  | { readonly type: "end"; readonly matcher: number };

/** A message to a thread. */
export type GrammarRequest = GrammarWork & { readonly job: number };

/** A message from a thread. */
export type GrammarReply =
  | { readonly type: "compiled"; readonly job: number }
  /** The job failed and took the library with it: the thread is of no use any more. */
  | { readonly type: "broken"; readonly job: number; readonly message: string }
  /** A mask somebody waits for is there. */
  | { readonly type: "ready"; readonly matcher: number };

/** Words of `progress`: the job under way (0 when idle), and the last one finished. */
export const UNDER_WAY = 0;
export const FINISHED = 1;

/** Words before a mask: tokens it comes after (-1 until the first is there), and whether a `ready` is wanted. */
export const MASK_TOKENS = 0;
export const MASK_WANTED = 1;
export const MASK_HEADER = 2;

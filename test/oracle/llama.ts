/** llama.cpp as an oracle: npm's prebuilt library, called through Python. Test-only. */
import { defaultModelPath } from "#kit/paths.ts";
import { type Floats, startPython } from "./python.ts";
import { llamaLibraries } from "./setup.ts";

/** What to load. */
export interface OracleOptions {
  /** GGUF file; the default model if omitted. */
  readonly modelPath?: string;
  /** Load no weights: only `tokenize` and `pieces` work. */
  readonly vocabularyOnly?: boolean;
  /** Positions of the context, 2048 by default. */
  readonly contextTokens?: number;
  /** Compute threads, 1 by default. */
  readonly threads?: number;
  /** Storage of keys and values; f16 is llama.cpp's own default. */
  readonly kv?: "f32" | "f16" | "q8_0";
}

/** How to tokenize; both flags are off by default. */
export interface TokenizeOptions {
  readonly addSpecial?: boolean;
  readonly parseSpecial?: boolean;
}

/** One token of the vocabulary as llama.cpp writes it. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly isControl: boolean;
  /** Whether it ends a generation. */
  readonly isEnd: boolean;
}

/** A loaded model. Calls are answered in order. */
export interface Oracle {
  readonly vocabulary: number;
  readonly layers: number;
  readonly width: number;
  /** Token ids of each text. */
  tokenize(texts: readonly string[], options?: TokenizeOptions): Promise<number[][]>;
  /** All tokens, by id. */
  pieces(): Promise<Piece[]>;
  /** Logits after each position from `first` (0) on: [ids.length - first, vocabulary]. */
  logits(ids: readonly number[], options?: { first?: number }): Promise<Floats>;
  /** Nats by which each id after the first surprises: [ids.length - 1]. */
  surprisal(ids: readonly number[]): Promise<number[]>;
  /** The `count` most likely tokens after `ids`, one by one. */
  greedy(ids: readonly number[], count: number): Promise<number[]>;
  /**
   * Adds `scale` (1) times `direction.N` of a control vector file after block N (counted from 0), for the blocks
   * from `start` (1) to `end` (the last), to all later calls; null removes it.
   */
  setControlVector(
    path: string | null,
    options?: { scale?: number; start?: number; end?: number },
  ): Promise<void>;
  close(): Promise<void>;
}

/** Loads a model into llama.cpp in a process of its own. */
export async function createOracle(options: OracleOptions = {}): Promise<Oracle> {
  const settings = {
    vocab_only: options.vocabularyOnly ?? false,
    context: options.contextTokens ?? 2048,
    threads: options.threads ?? 1,
    kv: options.kv ?? "f16",
  };
  const program = await startPython<{ vocabulary: number; layers: number; width: number }>("llama.py", [
    llamaLibraries(),
    options.modelPath ?? defaultModelPath(),
    JSON.stringify(settings),
  ]);
  return {
    ...program.ready,
    tokenize: (texts, { addSpecial = false, parseSpecial = false } = {}) =>
      program.call("tokenize", { texts, add_special: addSpecial, parse_special: parseSpecial }),
    async pieces() {
      const rows = await program.call<[string, boolean, boolean][]>("pieces", {});
      return rows.map(([hex, isControl, isEnd]) => ({ bytes: Buffer.from(hex, "hex"), isControl, isEnd }));
    },
    logits: (ids, { first = 0 } = {}) => program.callForFloats("logits", { ids, first }),
    surprisal: (ids) => program.call("surprisal", { ids }),
    greedy: (ids, count) => program.call("greedy", { ids, n: count }),
    async setControlVector(path, { scale = 1, start = 1, end } = {}) {
      await program.call("control_vector", { path, scale, start, end: end ?? null });
    },
    close: () => program.close(),
  };
}

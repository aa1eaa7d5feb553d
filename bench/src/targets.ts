/** What each number must be and aims at, with where the number is found: the ratio to a peer, or the quantity itself. */
import type { BenchRow } from "./rows.ts";

/** A number to reach. */
export interface Target {
  readonly metric: string;
  /** Which rows it speaks of; whatever is not given may be anything. */
  readonly only?: {
    readonly file?: BenchRow["file"];
    readonly context?: number;
    readonly threads?: number;
    readonly peer?: RegExp;
    readonly model?: RegExp;
    /** Vector instructions of the host. */
    readonly isa?: RegExp;
  };
  readonly of: "ratio" | "ours";
  readonly better: "higher" | "lower";
  readonly must: number;
  readonly aim?: number;
}

const LIBRARY = /^llama\.cpp/;
const SERVER = /^llama-server/;
const WIDE = /^avx512/;
const NARROW = /^(?!avx512)/;

/** Speeds beside llama.cpp or its server: our file; its best format on hosts without and with AVX-512. */
const beside = (
  metric: string,
  peer: RegExp,
  context: number,
  same: readonly [number, number],
  narrow: readonly [number, number],
  wide: readonly [number, number],
): Target[] => [
  ratio(metric, same, { file: "same", peer, context }),
  ratio(metric, narrow, { file: "best", peer, context, isa: NARROW }),
  ratio(metric, wide, { file: "best", peer, context, isa: WIDE }),
];

const ratio = (
  metric: string,
  [must, aim]: readonly [number, number],
  only: Target["only"] = {},
): Target => ({
  ...{ metric, only, of: "ratio", better: "higher", must, aim },
});

const ratioAtMost = (metric: string, must: number, aim?: number): Target => ({
  ...{ metric, of: "ratio", better: "lower", must },
  ...(aim === undefined ? {} : { aim }),
});

const atMost = (metric: string, must: number, more: Partial<Target> = {}): Target => ({
  ...{ metric, of: "ours", better: "lower", must },
  ...more,
});

const TARGETS: readonly Target[] = [
  ratio("decode", [3.5, 5], { peer: /^wllama@2/ }),
  ratio("decode", [12, 20], { peer: /^wllama@3/ }),
  ratio("decode", [20, 50], { peer: /^transformers\.js/ }),
  ...beside("decode", LIBRARY, 0, [1.5, 2], [1.1, 1.4], [1.1, 1.3]),
  ...beside("decode", LIBRARY, 2048, [2, 3.5], [2, 3], [1.6, 2]),
  ...beside("batch", LIBRARY, 0, [1.5, 3], [1.2, 1.7], [0.75, 1]),
  ...beside("prefill", LIBRARY, 512, [1.7, 2.6], [1, 1.2], [0.75, 1]),
  ...beside("served", SERVER, 0, [1.5, 3], [1.2, 2], [0.9, 1.2]),
  ratio("served-branches", [1.5, 3]),
  ratio("steering", [0.98, 0.99]),
  ratio("capture-last", [0.95, 0.98]),
  ratio("capture-every", [0.9, 0.95]),
  ratio("branches", [6, 8]),
  ratioAtMost("branches-kv", 1.3, 1.2),
  ratioAtMost("ttft", 1.3, 1.1),
  ratioAtMost("order", 1.05, 1),
  ratioAtMost("memory", 1),
  atMost("fork", 0.2),
  atMost("fork-leak", 0),
  atMost("transport", 0.3, { aim: 0.1, only: { threads: 1 } }),
  atMost("load", 1, { only: { model: /SmolLM2-135M/ } }),
  atMost("load", 4, { only: { model: /0\.5b/i } }),
];

/** How a row stands to its target. */
export type Verdict = "aim reached" | "must reached" | "missed";

/** The target of a row on a host with these vector instructions; undefined where there is none. */
export function targetOf(row: BenchRow, isa: string): Target | undefined {
  return TARGETS.find(({ metric, only = {} }) => {
    if (metric !== row.metric) return false;
    if (only.file !== undefined && only.file !== row.file) return false;
    if (only.context !== undefined && only.context !== row.context) return false;
    if (only.threads !== undefined && only.threads !== row.threads) return false;
    const { peer = /./, model = /./, isa: host = /./ } = only;
    return peer.test(row.peer) && model.test(row.model) && host.test(isa);
  });
}

/** Whether a row reaches its target. */
export function judge(row: BenchRow, target: Target): Verdict {
  const value = target.of === "ratio" ? (row.ratio ?? Number.NaN) : row.ours;
  const reaches = (bound: number): boolean => (target.better === "higher" ? value >= bound : value <= bound);
  if (!reaches(target.must)) return "missed";
  return target.aim !== undefined && reaches(target.aim) ? "aim reached" : "must reached";
}

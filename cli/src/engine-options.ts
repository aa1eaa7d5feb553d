/** Options of the engine as flags: of `serve`, and of the forward process that `serve` starts. */
import { type Command, Option } from "commander";
import { integerIn } from "#kit/option-values.ts";
import type { ForwardServiceOptions } from "../../services/forward/index.ts";

/** Values of the flags added by `addEngineOptions`; what is absent is the engine's choice. */
export interface EngineFlags {
  readonly kvMemory?: number;
  readonly context?: number;
  readonly kvKind?: "int8" | "int16";
  readonly batchTokens?: number;
  readonly prefixCache?: boolean;
  readonly stallSeconds?: number;
}

const MIB = 2 ** 20;
const MAX_KV_MIB = 3_800;
const MAX_CONTEXT = 2 ** 20;
const MAX_BATCH_TOKENS = 4_096;
const MAX_STALL_SECONDS = 3_600;
const MS_PER_SECOND = 1_000;

/** Adds the flags. */
export function addEngineOptions(command: Command): Command {
  return command
    .option(
      "--kv-memory <MiB>",
      "memory for keys and values; default: 16 sequences of 1,024 tokens",
      integerIn(1, MAX_KV_MIB),
    )
    .addOption(
      new Option("--kv-kind <kind>", "storage of keys and values; default: layer by layer").choices([
        "int8",
        "int16",
      ]),
    )
    .option("--context <tokens>", "longest sequence; default: the model's", integerIn(1, MAX_CONTEXT))
    .option("--batch-tokens <n>", "tokens computed in one step at most", integerIn(1, MAX_BATCH_TOKENS))
    .option(
      "--stall-seconds <n>",
      "silence of the compute threads after which forward is ended and started again; default 120",
      integerIn(1, MAX_STALL_SECONDS),
    )
    .addOption(new Option("--no-prefix-cache", "keep no prefixes of finished requests"));
}

/** The flags as options of the forward service. */
export function toForwardOptions(flags: EngineFlags): Omit<ForwardServiceOptions, "modelPath" | "threads"> {
  const { kvMemory, kvKind, context, batchTokens, prefixCache, stallSeconds } = flags;
  return {
    ...(kvMemory === undefined ? {} : { kvBytes: kvMemory * MIB }),
    ...(kvKind === undefined ? {} : { kvKind }),
    ...(context === undefined ? {} : { contextTokens: context }),
    ...(batchTokens === undefined ? {} : { rowBudget: batchTokens }),
    ...(prefixCache === undefined ? {} : { prefixCache }),
    ...(stallSeconds === undefined ? {} : { stallMs: stallSeconds * MS_PER_SECOND }),
  };
}

/** The flags as arguments of another process. */
export function toArguments(flags: EngineFlags): string[] {
  const { kvMemory, kvKind, context, batchTokens, prefixCache, stallSeconds } = flags;
  return [
    ...(kvMemory === undefined ? [] : ["--kv-memory", String(kvMemory)]),
    ...(kvKind === undefined ? [] : ["--kv-kind", kvKind]),
    ...(context === undefined ? [] : ["--context", String(context)]),
    ...(batchTokens === undefined ? [] : ["--batch-tokens", String(batchTokens)]),
    ...(prefixCache === false ? ["--no-prefix-cache"] : []),
    ...(stallSeconds === undefined ? [] : ["--stall-seconds", String(stallSeconds)]),
  ];
}

/** `trimtab key create | list | delete`: API keys with rights, kept as digests in `TRIMTAB_KEYS`. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { createKey, deleteKey, type Grant, readKeys } from "#kit/api-keys.ts";
import { KEY_LIMITS } from "#kit/limits.ts";
import { keysPath } from "#kit/paths.ts";
import { integerIn, numberIn } from "#kit/option-values.ts";
import { type JsonOption, printResult } from "../view/result.ts";

interface CreateOptions extends JsonOption {
  readonly operator?: boolean;
  readonly tokensPerSecond?: number;
  readonly concurrent?: number;
  readonly priority: Grant["priority"];
  readonly steering?: readonly string[];
  readonly steeringScale?: number;
  readonly steeringDose?: number;
  readonly expires?: string;
}

const strength = numberIn(0, KEY_LIMITS.steeringStrength);

/** A time in the future, in UTC. */
function futureTime(text: string): string {
  const atMs = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || !(atMs > Date.now()))
    throw new InvalidArgumentError("a date or time in the future is needed, as 2027-01-31T12:00:00Z.");
  return new Date(atMs).toISOString();
}

/** Adds the commands. A gateway reads the file when it starts. */
export function addKeyCommand(program: Command): void {
  const key = program.command("key").description(`API keys of the gateway, in ${keysPath()}`);
  key
    .command("create")
    .description("make a key and print it, once: only its digest is kept")
    .argument("<name>", "name of the key, for logs and for deleting it")
    .option("--operator", "may load models, store artifacts, build recipes and read metrics")
    .option("--tokens-per-second <n>", "tokens a second it may use", integerIn(1, KEY_LIMITS.tokensPerSecond))
    .option("--concurrent <n>", "requests running and waiting at a time", integerIn(1, KEY_LIMITS.concurrent))
    .addOption(
      new Option("--priority <band>", "highest priority it may ask for")
        .choices(["high", "normal", "low"])
        .default("normal"),
    )
    .option("--steering <names...>", "recipes and directions it may steer with; default: all")
    .option("--steering-scale <x>", "largest magnitude of a scale it may ask for", strength)
    .option("--steering-dose <x>", "largest relative dose it may ask for, and none in nats", strength)
    .option("--expires <time>", "when it ends, as 2027-01-31T12:00:00Z; default: never", futureTime)
    .option("--json", "print JSON")
    .action((name: string, { operator = false, json = false, ...limits }: CreateOptions) => {
      const made = createKey(keysPath(), { name, operator, ...limits });
      printResult({ json }, { name, key: made }, [made]);
    });
  key
    .command("list")
    .description("keys and what they may do")
    .option("--json", "print one JSON array")
    .action((options: JsonOption) => {
      const grants = readKeys(keysPath()).map(({ digest: _, ...grant }) => grant);
      printResult(
        options,
        grants,
        grants.map((grant) => JSON.stringify(grant)),
      );
    });
  key
    .command("delete")
    .description("take a key back")
    .argument("<name>", "name of the key")
    .option("--json", "print JSON")
    .action((name: string, options: JsonOption) => {
      deleteKey(keysPath(), name);
      printResult(options, { deleted: name }, []);
    });
}

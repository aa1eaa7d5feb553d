/** Arguments of the command line, checked. */
import type { Command } from "commander";
import { integerIn } from "#kit/option-values.ts";

/** Adds `--address`, `--model` and `--threads`: the services that run, or how they are started for this run. */
export function addServicesOptions(command: Command, threads = 1): Command {
  return command
    .option("--address <host:port>", "gRPC address of a running gateway")
    .option(
      "--model <model>",
      "model file, or its name in the cache, if the services are started for this run",
    )
    .option("--threads <n>", "compute threads", integerIn(1, 16), threads);
}

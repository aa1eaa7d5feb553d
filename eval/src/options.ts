/** Arguments of the command line, checked. */
import { type Command, InvalidArgumentError } from "commander";

/** Parses a whole number in a range. */
export function integerIn(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < minimum || value > maximum)
      throw new InvalidArgumentError(`a whole number from ${minimum} to ${maximum} is needed.`);
    return value;
  };
}

/** Parses a number over the minimum and up to the maximum. */
export function numberIn(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > minimum) || value > maximum)
      throw new InvalidArgumentError(`a number over ${minimum} and up to ${maximum} is needed.`);
    return value;
  };
}

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

/** The installed command gets kernels and a model for every subcommand that will start the services. */
import { expect, test } from "bun:test";
import type { Command } from "commander";
import { createProgram } from "../../cli/src/program.ts";
import { SERVING_COMMANDS } from "../../scripts/lib/serving-commands.mjs";

/** Whoever may start an engine can be told with how many threads. */
const startsServices = ({ options, commands }: Command): boolean =>
  options.some(({ long }) => long === "--threads") || commands.some(startsServices);

test("each subcommand that may start the services is known, but doctor, which only looks", () => {
  const names = createProgram()
    .commands.filter(startsServices)
    .map((command) => command.name());
  expect(names).toContain("doctor");
  expect([...SERVING_COMMANDS, "doctor"].sort()).toEqual(names.sort());
});

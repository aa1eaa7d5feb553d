/** `trimtab verifier train | list`. */
import type { Command } from "commander";
import { Presets, SingleBar } from "cli-progress";
import { VerifierAccess, VerifierKind } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { integerIn, numberIn } from "#kit/option-values.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { trainOnProblems, type TrainOptions } from "../verifier/train.ts";
import { reportLines } from "../view/probe-report.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";
import { isInteractive } from "../view/style.ts";

interface TrainCommandOptions extends TargetOptions, TrainOptions {
  readonly json?: boolean;
}

/** Adds the commands. */
export function addVerifierCommand(program: Command): void {
  const verifier = program
    .command("verifier")
    .description("verifiers: list them, train one on hidden states");
  const list = addJsonOption(verifier.command("list").description("verifiers and what they know"));
  addTargetOptions(list).action(async (options: TargetOptions & JsonOption) => {
    await withGateway(options, async (client) => {
      const { verifiers } = await client.listVerifiers({});
      const shown = verifiers.map(({ name, kind, access, description }) => ({
        ...{ name, description },
        what: `${VerifierKind[kind]}, ${VerifierAccess[access]}`.toLowerCase(),
      }));
      printResult(
        options,
        shown,
        shown.map(({ name, what, description }) => `${name.padEnd(18)} ${what.padEnd(18)} ${description}`),
      );
    });
  });
  const train = verifier
    .command("train")
    .description("train a probe of hidden states on roll-outs of problems, and store it")
    .argument("<name>", "name of the stored probe")
    .requiredOption("--problems <file>", "problems with checkers, JSONL; `npm run eval -- tasks` prints some")
    .option("--samples <n>", "roll-outs a problem", integerIn(2, 32), 8)
    .option("--temperature <t>", "of the roll-outs", numberIn(0.1, 2), 0.7)
    .option("--seed <n>", "seed of the roll-outs", integerIn(0, 2 ** 31), 1)
    .option("--json", "print the report as JSON");
  addTargetOptions(train).action(async (name: string, options: TrainCommandOptions) => {
    await withGateway(options, async (client) => {
      const bar = isInteractive()
        ? new SingleBar({ format: "  {bar} {value}/{total} problems" }, Presets.shades_classic)
        : undefined;
      const trained = await trainOnProblems(client, name, options, (done, total) => {
        if (done === 0) bar?.start(total, 0);
        else bar?.update(done);
      }).finally(() => bar?.stop());
      const text = options.json ? JSON.stringify(trained, null, 2) : reportLines(trained).join("\n");
      process.stdout.write(`${text}\n`);
    });
  });
}

/** `trimtab doctor`: what this machine has, and whether a real token comes out. */
import { statSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import type { Command } from "commander";
import { cacheDir, storeDir } from "#kit/paths.ts";
import { chatSpec, userSays } from "../chat-spec.ts";
import { addModelOptions, withGateway, type TargetOptions } from "../options.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";
import { colour } from "../view/style.ts";

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const GIB = 2 ** 30;
const NEEDED_MEMORY_GIB = 2;

/** Adds the command; the exit status is 1 if a check fails. */
export function addDoctorCommand(program: Command): void {
  const command = program.command("doctor").description("check this machine, end to end");
  addModelOptions(addJsonOption(command)).action(async (options: TargetOptions & JsonOption) => {
    const checks = [...machineChecks(options.model)];
    if (checks.every((c) => c.ok)) checks.push(...(await servingChecks(options)));
    printResult(
      options,
      checks,
      checks.map(
        ({ name, ok, detail }) =>
          `${ok ? colour.green("ok  ") : colour.red("FAIL")} ${name.padEnd(12)} ${detail}`,
      ),
    );
    if (checks.some((c) => !c.ok)) process.exitCode = 1;
  });
}

function* machineChecks(modelPath: string): Iterable<Check> {
  yield { name: "bun", ok: true, detail: `${Bun.version} on ${process.platform}-${process.arch}` };
  const memoryGib = totalmem() / GIB;
  yield {
    name: "machine",
    ok: memoryGib >= NEEDED_MEMORY_GIB,
    detail: `${availableParallelism()} cores, ${memoryGib.toFixed(1)} GiB of memory (${NEEDED_MEMORY_GIB} needed)`,
  };
  const size = statSync(modelPath, { throwIfNoEntry: false });
  const shown = size?.isFile() ? `${modelPath}, ${(size.size / 1e6).toFixed(0)} MB` : modelPath;
  yield {
    name: "model",
    ok: size !== undefined,
    detail: size === undefined ? `${modelPath} does not exist` : shown,
  };
  yield { name: "cache", ok: true, detail: `${cacheDir()}, artifacts in ${storeDir()}` };
}

async function servingChecks(options: TargetOptions): Promise<Check[]> {
  const began = performance.now();
  return await withGateway(options, async (client) => {
    const readyMs = performance.now() - began;
    const { models } = await client.listModels({});
    const model = models[0];
    const answer = await client.complete({
      spec: chatSpec({ messages: userSays("Say hello."), temperature: 0, maxTokens: 8 }),
    });
    const text = answer.choices[0]?.text ?? "";
    return [
      { name: "services", ok: model !== undefined, detail: `ready after ${readyMs.toFixed(0)} ms` },
      { name: "compute", ok: model !== undefined, detail: model?.compute ?? "no model" },
      { name: "answer", ok: text !== "", detail: JSON.stringify(text) },
    ];
  });
}

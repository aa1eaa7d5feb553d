/**
 * Progress of a recipe build: one bar a phase with its token budget; plain lines where nothing can be redrawn. On standard error:
 * standard output is the result.
 */
import { Presets, SingleBar } from "cli-progress";
import { BuildState, type Build } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { isInteractive } from "./style.ts";

/** Consumes build states in order. */
export interface BuildProgress {
  update(build: Build): void;
  stop(): void;
}

/** Draws the phases of a build as they go by. */
export function createBuildProgress(): BuildProgress {
  let bar: SingleBar | undefined;
  let phase = "";
  const startPhase = (build: Build): void => {
    bar?.stop();
    phase = build.phase;
    const label = `  ${build.phaseIndex}/${build.phaseCount} ${build.phase.padEnd(11)}`;
    if (!isInteractive()) {
      process.stderr.write(`${label} ${build.detail}, budget ${build.tokensBudget} tokens\n`);
      return;
    }
    bar = new SingleBar(
      {
        format: `${label} {bar} {value}/{total} tokens  {duration_formatted}  {detail}`,
        barsize: 24,
      },
      Presets.shades_classic,
    );
    bar.start(Math.max(1, Number(build.tokensBudget)), 0, { detail: "" });
  };
  return {
    update(build) {
      // A phase announces its budget once it has read its inputs, and then what it does.
      if (build.phase !== phase && build.tokensBudget > 0n && build.detail !== "") startPhase(build);
      if (bar) {
        bar.setTotal(Math.max(1, Number(build.tokensBudget)));
        bar.update(Number(build.tokensDone), { detail: build.detail.slice(0, 40) });
      }
      if (build.state === BuildState.SUCCEEDED || build.state === BuildState.FAILED) this.stop();
    },
    stop() {
      bar?.stop();
      bar = undefined;
    },
  };
}

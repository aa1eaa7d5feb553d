/**
 * How long the verdicts of a search are waited for. A strict search has nothing to lose by waiting; one that goes on without verdicts
 * waits less, leaves time to answer before its deadline, and hardly waits any more once verdicts have not come.
 */
import type { CallScope } from "../../clients.ts";
import { SCALING_LIMITS as LIMITS } from "../../limits.ts";
import type { Stopwatch } from "../stopwatch.ts";
import type { PreparedScaling } from "./options.ts";

/** What the patience of one search depends on. */
export interface PatienceInput {
  readonly scaling: Pick<PreparedScaling, "budget" | "isStrict">;
  readonly scope: Pick<CallScope, "timeoutMs">;
  readonly watch: Pick<Stopwatch, "elapsedMs">;
}

/** The patience of one search with its verifiers. */
export interface Patience {
  /** A batch begins: gives the milliseconds there are for its next call, however many it takes. */
  begin(): () => number;
  /** A call has not answered in its time. */
  lose(): void;
}

/** Creates it; the time of the scope counts from the start of the watch. */
export function createPatience({ scaling, scope, watch }: PatienceInput): Patience {
  let isLost = false;
  return {
    begin() {
      const last = Math.max(watch.elapsedMs(), scaling.budget.milliseconds) + LIMITS.lateVerdictMs;
      return () => {
        const elapsed = watch.elapsedMs();
        const left = Math.max(0, last - elapsed);
        if (scaling.isStrict) return Math.min(LIMITS.verdictMs, left);
        const untilDeadline = Math.max(0, (scope.timeoutMs ?? Infinity) - elapsed);
        const most = isLost ? LIMITS.lateVerdictMs : LIMITS.degradableVerdictMs;
        return Math.min(most, left, untilDeadline / 2);
      };
    },
    lose() {
      isLost = true;
    },
  };
}

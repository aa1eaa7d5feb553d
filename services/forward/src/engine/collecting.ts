/** What a command brings along made ready: its program, its taps with their positions, the projections they name. */
import type { BoundProgram } from "./binding.ts";
import type { Binding } from "./protocol.ts";
import type { CoreState } from "./state.ts";
import type { BoundTap, TapCollector, TapSpec } from "./taps.ts";
import { createTapCollector, tapRange } from "./taps.ts";

/** A program and taps in use; release and close them when the job ends. */
export interface Bound {
  readonly program: BoundProgram | null;
  readonly collector: TapCollector | null;
}

/**
 * Binds what a command on a sequence of `tokens` brings along.
 * @throws TrimtabError of `bind`, and ARTIFACT_NOT_FOUND, SHAPE_MISMATCH for a projection
 */
export function bindAll(
  state: CoreState,
  command: { readonly binding: Binding | null; readonly taps: readonly TapSpec[] },
  tokens: number,
  generating: boolean,
): Bound {
  const collector = startCollecting(state, command.taps, tokens, generating);
  try {
    return { program: command.binding ? state.programs.bind(command.binding) : null, collector };
  } catch (error) {
    collector?.close();
    throw error;
  }
}

function startCollecting(
  state: CoreState,
  taps: readonly TapSpec[],
  tokens: number,
  generating: boolean,
): TapCollector | null {
  if (taps.length === 0) return null;
  const bound: BoundTap[] = [];
  try {
    for (const [index, tap] of taps.entries()) {
      const { projection, site } = tap;
      const field = `taps[${index}].projection_digest`;
      const projector = projection === undefined ? null : state.projections.bind(projection, site, field);
      bound.push({ ...tap, ...tapRange(tap, tokens, generating), projector });
    }
  } catch (error) {
    for (const { projector } of bound) projector?.release();
    throw error;
  }
  return createTapCollector(bound, state.layers, {
    readLogits(logits, { top, ids }) {
      const [id = 0, ...candidates] = ids;
      const scored = state.sampler.score(logits, id, { first: 0, topLogprobs: top, candidates }, true);
      if (scored === null) return { top: [], logprobs: ids.map(() => Number.NaN) };
      const logprobs = ids.length === 0 ? [] : [scored.token.logprob, ...scored.candidates];
      return { top: scored.token.top, logprobs };
    },
  });
}

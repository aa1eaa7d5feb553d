/** Parts of a simulated engine core that count who holds them: programs whose effect is a number, and grammars that take their time. */
import { expect } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import type { BoundProgram } from "../../../services/forward/src/engine/binding.ts";
import type { ProgramStore } from "../../../services/forward/src/engine/programs.ts";
import type { Grammars, Matcher } from "../../../services/forward/src/grammar/matching.ts";

/** Digest of a program that acts on every row; any other acts from the last token of the prompt on. */
export const EVERYWHERE = "everywhere";
/** After so many tokens the mask of a matcher is late again. */
const MASKS_IN_TIME = 4;
/** Of as many texts one has a grammar that was refused before. */
const BEGUN_A_REFUSAL = 3;

/** Programs of one operation, whose coefficient is what it does to a row. */
export function simulatedPrograms() {
  let held = 0;
  const store: ProgramStore = {
    put() {},
    bind({ digest, coefficients }) {
      let references = 1;
      let [effect = 0] = coefficients;
      held++;
      const acts = (at: number, promptTokens: number): boolean =>
        effect !== 0 && (digest === EVERYWHERE || at >= promptTokens - 1);
      const bound: BoundProgram = {
        heads: ({ position, promptTokens }) => (acts(position, promptTokens) ? Uint32Array.of(effect) : null),
        signature: ({ position, promptTokens }) =>
          acts(position, promptTokens) ? `${digest} ${effect}` : "",
        update: ([next = 0]) => void (effect = next),
        proof: () => [],
        retain() {
          references++;
          return bound;
        },
        release() {
          expect(references--).toBeGreaterThan(0);
          if (references === 0) held--;
        },
      };
      return bound;
    },
    promptStart: (digest) => (digest === EVERYWHERE ? 0 : null),
    size: 0,
    usedBytes: 0,
  };
  return { store, held: () => held };
}

/** Grammars that allow everything, as soon as `catchUp` is called. */
export function simulatedGrammars() {
  const late = new Set<() => void>();
  let held = 0;
  let begun = 0;
  const store: Grammars = {
    prepare: (_grammar, _key, onDone) => onDone(null),
    begin(_grammar, _key, _stopIds, _ids, onReady): Matcher {
      let accepted = 0;
      let isLate = true;
      const isRefused = ++begun % BEGUN_A_REFUSAL === 0;
      const arrive = (): void => {
        isLate = false;
        onReady();
      };
      held++;
      late.add(arrive);
      return {
        mask() {
          if (isRefused) throw new TrimtabError("INVALID_ARGUMENT", "the grammar is none");
          return isLate ? null : Int32Array.of(-1);
        },
        accept() {
          isLate = ++accepted % MASKS_IN_TIME === 0;
          if (isLate) late.add(arrive);
        },
        end() {
          held--;
          late.delete(arrive);
        },
      };
    },
    close() {},
  };
  /** Lets all masks arrive that somebody waits for; false when nobody does. */
  function catchUp(): boolean {
    const arriving = [...late];
    late.clear();
    for (const arrive of arriving) arrive();
    return arriving.length > 0;
  }
  return { store, catchUp, held: () => held };
}

/** Programs and taps of one batch: where they act, and acting there. Programs first, so that taps see their effect. */
import type { Operators, Pointer } from "#kernels";
import type { Site } from "../programs/program.ts";
import { SITES } from "../programs/program.ts";
import type { BatchRow } from "./step.ts";
import type { Workspace } from "./workspace.ts";

/** The hooks of a batch. */
export interface Hooks {
  /** Whether any row has a program or a tap here. */
  acts(site: Site, layer: number): boolean;
  /** Applies programs, then taps, to f32 [rows, dim] at `x`. */
  run(site: Site, layer: number, x: Pointer, dim: number): void;
}

const PROGRAM = 1;
const TAP = 2;

/** Collects the hooks of a batch. Cost: O(sites · layers) for every distinct program, then nothing where none acts. */
export function createHooks(
  batch: readonly BatchRow[],
  operators: Operators,
  space: Workspace,
  layers: number,
): Hooks {
  const active = new Uint8Array(SITES.length * layers);
  const programs = new Set(batch.flatMap(({ heads }) => (heads ? [heads] : [])));
  for (const heads of programs) {
    for (let place = 0; place < active.length; place++) {
      if (heads[place] !== 0) active[place] = (active[place] ?? 0) | PROGRAM;
    }
  }
  const tapped = batch.some(({ collector }) => collector !== null);
  if (tapped) {
    for (const [index, site] of SITES.entries()) {
      for (let layer = 0; layer < layers; layer++) {
        if (!batch.some(({ collector, position }) => collector?.wants(site, layer, position))) continue;
        const place = index * layers + layer;
        active[place] = (active[place] ?? 0) | TAP;
      }
    }
  }
  const placeOf = (site: Site, layer: number): number => SITES.indexOf(site) * layers + layer;

  return {
    acts: (site, layer) => active[placeOf(site, layer)] !== 0,
    run(site, layer, x, dim) {
      const place = placeOf(site, layer);
      const what = active[place] ?? 0;
      if (what & PROGRAM) {
        const instances = new Uint32Array(space.memory.buffer, space.instances, batch.length);
        for (const [row, { heads }] of batch.entries()) instances[row] = heads?.[place] ?? 0;
        operators.applyPrograms({ x, xStride: dim, rows: batch.length, instances: space.instances });
      }
      if (!(what & TAP)) return;
      for (const [row, { collector, position }] of batch.entries()) {
        if (!collector?.wants(site, layer, position)) continue;
        collector.take(site, layer, position, new Float32Array(space.memory.buffer, x + row * dim * 4, dim));
      }
    },
  };
}

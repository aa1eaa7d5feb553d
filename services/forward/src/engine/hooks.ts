/** Programs and taps of one batch: where they act, and acting there. Programs first, so that taps see their effect. */
import type { Operators, Pointer } from "#kernels";
import type { Site } from "../programs/program.ts";
import { SITES } from "../programs/program.ts";
import type { BatchRow } from "./step.ts";
import type { TapReader, WantedRow } from "./tap-rows.ts";
import type { TapCell } from "./tap-cells.ts";
import type { Workspace } from "./workspace.ts";

/** The hooks of a batch. */
export interface Hooks {
  /** Whether any row has a program or a tap here. */
  acts(site: Site, layer: number): boolean;
  /** Whether a row has a program or a tap anywhere in a layer. */
  actsOn(row: number, layer: number): boolean;
  /** Applies programs, then taps, to f32 [rows, dim] at `x`. */
  run(site: Site, layer: number, x: Pointer, dim: number): void;
}

const PROGRAM = 1;
const TAP = 2;

/** Collects the hooks of a batch. Cost: O(sites · layers) for every distinct program, O(places) for every tapped row. */
export function createHooks(
  batch: readonly BatchRow[],
  operators: Operators,
  space: Workspace,
  readTaps: TapReader,
  layers: number,
): Hooks {
  const active = new Uint8Array(SITES.length * layers);
  const programs = new Set(batch.flatMap(({ heads }) => (heads ? [heads] : [])));
  for (const heads of programs) {
    for (let place = 0; place < active.length; place++) {
      if (heads[place] !== 0) active[place] = (active[place] ?? 0) | PROGRAM;
    }
  }
  const tapped = batch.flatMap(({ collector, position }, row) =>
    collector ? [{ collector, position, row }] : [],
  );
  for (const { collector, position } of tapped) {
    for (const place of collector.places) {
      if (collector.at(place)?.some((cell) => covers(cell, position)))
        active[place] = (active[place] ?? 0) | TAP;
    }
  }
  const placeOf = (site: Site, layer: number): number => SITES.indexOf(site) * layers + layer;

  return {
    acts: (site, layer) => active[placeOf(site, layer)] !== 0,
    actsOn(row, layer) {
      const { heads = null, collector = null, position = 0 } = batch[row] ?? {};
      if (heads === null && collector === null) return false;
      return SITES.some((site) => {
        const place = placeOf(site, layer);
        const cells = collector?.at(place) ?? [];
        return (heads?.[place] ?? 0) !== 0 || cells.some((cell) => covers(cell, position));
      });
    },
    run(site, layer, x, dim) {
      const place = placeOf(site, layer);
      const what = active[place] ?? 0;
      if (what & PROGRAM) {
        const instances = new Uint32Array(space.memory.buffer, space.instances, batch.length);
        for (const [row, { heads }] of batch.entries()) instances[row] = heads?.[place] ?? 0;
        operators.applyPrograms({ x, xStride: dim, rows: batch.length, instances: space.instances });
      }
      if (!(what & TAP)) return;
      const wanted: WantedRow[] = [];
      for (const { collector, position, row } of tapped) {
        for (const cell of collector.at(place) ?? []) {
          if (covers(cell, position)) wanted.push({ row, position, cell });
        }
      }
      readTaps(x, dim, wanted);
    },
  };
}

const covers = ({ first, end }: TapCell, position: number): boolean => position >= first && position < end;

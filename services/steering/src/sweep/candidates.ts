/** Candidates of a sweep: every method at every window of blocks and dose, as bindings that can be run. */
import { compileProgram, type NamedProgram } from "../program.ts";
import { coefficientOfDose } from "../dose.ts";
import type { Direction } from "../direction.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import type { Binding } from "../work/programs.ts";

/** One point of a sweep. */
export interface SweepPoint {
  readonly method: string;
  /** Blocks it acts on. */
  readonly layers: readonly number[];
  /** ‖Δ‖ over the median residual norm, in every block. */
  readonly dose: number;
}

/** A point that can be run while forward has its program. */
export interface SweepCandidate extends SweepPoint {
  readonly direction: Direction;
  readonly program: NamedProgram;
  readonly binding: Binding;
}

/** What a sweep goes over. */
export interface SweepGrid {
  readonly directions: readonly Direction[];
  /** Middle blocks of the windows. */
  readonly centers: readonly number[];
  /** Blocks a window. */
  readonly width: number;
  readonly doses: readonly number[];
}

/** All points, each once; windows are cut at the ends of the model and of the direction, which may make them the same. */
export function sweepPoints({
  directions,
  centers,
  width,
  doses,
}: SweepGrid): (SweepPoint & { direction: Direction })[] {
  const points = directions.flatMap((direction) =>
    centers.flatMap((center) => {
      const first = center - Math.floor((width - 1) / 2);
      const layers = Array.from({ length: width }, (_, i) => first + i).filter((layer) =>
        direction.raw.has(layer),
      );
      return layers.length === 0
        ? []
        : doses.map((dose) => ({ method: direction.method, layers, dose, direction }));
    }),
  );
  const named = points.map(
    (point) => [`${point.method} ${point.layers.join(",")} ${point.dose}`, point] as const,
  );
  return [...new Map(named).values()];
}

/** A point with its program, acting from the last prompt token on. */
export function sweepCandidate(point: SweepPoint & { direction: Direction }): SweepCandidate {
  const { direction, layers, dose } = point;
  const program = compileProgram(
    direction,
    layers.map((layer) => ({ layer, scope: Scope.UNSPECIFIED })),
  );
  const coefficients = layers.map((layer) =>
    Math.fround(coefficientOfDose(direction, { layer, relative: dose })),
  );
  const binding = { programDigest: program.digest, coefficients, program: program.program };
  return { ...point, program, binding };
}

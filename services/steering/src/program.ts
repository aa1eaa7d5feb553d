/**
 * A direction as an intervention program: one addition of a unit vector a block, strengths left to the request.
 * Programs are content-addressed: SHA-256 over their protobuf bytes, fields in order, so equal programs have one name.
 */
import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  OperationKind,
  type Program,
  ProgramSchema,
  type Scope,
  Site,
} from "#proto/trimtab/type/v1/program_pb.ts";
import type { AnswerSpan } from "./course.ts";
import { type Direction, rawVector, unit } from "./direction.ts";
import { f32Tensor } from "./tensors.ts";

/** A program with its name. */
export interface NamedProgram {
  /** "sha256:<hex>" */
  readonly digest: string;
  readonly program: Program;
}

/** One addition: of what, where, at which positions, and the coefficient of the unit vector with the gate open. */
export interface Addition {
  /** Where the vector comes from; absent: the direction the program is compiled for. */
  readonly from?: Direction;
  readonly layer: number;
  readonly scope: Scope;
  /** Narrows the decode scope; absent: all of it. */
  readonly span?: AnswerSpan;
  readonly coefficient: number;
}

/** The program of some additions, in order. @throws TrimtabError FIELD_OUT_OF_RANGE for a block without a vector. */
export function compileProgram(
  direction: Direction,
  additions: readonly Omit<Addition, "coefficient">[],
): NamedProgram {
  const program = create(ProgramSchema, {
    modelDigest: direction.modelDigest,
    operations: additions.map(({ from = direction, layer, scope, span }) => ({
      site: Site.RESIDUAL,
      layer,
      kind: OperationKind.ADD,
      vectors: f32Tensor([1, direction.width], unit(rawVector(from, layer), layer)),
      scope,
      ...(span && { answerWindow: span }),
    })),
  });
  return nameProgram(program);
}

/** A program with its name. */
export function nameProgram(program: Program): NamedProgram {
  return { digest: programDigest(program), program };
}

/** "sha256:<hex>" of a program. */
export function programDigest(program: Program): string {
  return `sha256:${createHash("sha256").update(toBinary(ProgramSchema, program)).digest("hex")}`;
}

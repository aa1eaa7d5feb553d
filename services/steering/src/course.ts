/**
 * The course of a dose along an answer: how hard the last prompt token is pushed, how many generated tokens get the whole
 * dose, what is left after them, and how hard they are pushed towards the end of the turn. The first words decide whether
 * an answer refuses; a push that goes on after them makes answers repeat themselves, and so does a small model that has
 * refused and does not stop (SmolLM2-135M: docs/steering.md).
 */
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";

/** A course. Multiples are of the dose of the first generated tokens. */
export interface DoseCourse {
  /** How many times the dose the last prompt token gets. */
  readonly start: number;
  /** Generated tokens that get the whole dose, counted from the end of the prompt. */
  readonly holdTokens: number;
  /** Fraction of the dose that the tokens after them get, 0 to 1. */
  readonly rest: number;
  /** Relative dose of the ending direction at the tokens after the held ones, in the last block; 0: none. */
  readonly ending: number;
}

/** Generated tokens first to end − 1; an end of 0 is the end of the answer. */
export interface AnswerSpan {
  readonly first: number;
  readonly end: number;
}

/** Positions with one strength. */
export interface Stretch {
  readonly scope: Scope;
  /** Narrows the decode scope; absent: the whole scope. */
  readonly span?: AnswerSpan;
  /** Multiple of the dose; never 0. */
  readonly times: number;
}

/** The same dose from the last prompt token to the end. */
export const CONSTANT_COURSE: DoseCourse = { start: 1, holdTokens: 0, rest: 1, ending: 0 };

/** The stretches of a course in the order of the text; a constant course is the whole text in one. */
export function courseStretches(course: DoseCourse): Stretch[] {
  const decode = decodeStretches(course);
  const isConstant = course.start === 1 && decode.length === 1 && decode[0]?.span === undefined;
  if (isConstant) return [{ scope: Scope.UNSPECIFIED, times: 1 }];
  const last = course.start === 0 ? [] : [{ scope: Scope.LAST, times: course.start }];
  return [...last, ...decode];
}

/** The generated tokens after the held ones. */
export function afterHold({ holdTokens }: DoseCourse): AnswerSpan {
  return { first: holdTokens, end: 0 };
}

/** The stretches of a course over generated tokens. */
export function decodeStretches(course: DoseCourse): Stretch[] {
  const { holdTokens, rest } = course;
  if (rest === 1) return [{ scope: Scope.DECODE, times: 1 }];
  const stretches: Stretch[] = [];
  if (holdTokens > 0) stretches.push({ scope: Scope.DECODE, span: { first: 0, end: holdTokens }, times: 1 });
  if (rest !== 0) stretches.push({ scope: Scope.DECODE, span: afterHold(course), times: rest });
  return stretches;
}

/** The candidates of a search by id, and the commands that make and free them, kept until something is sent anyway. */
import type { Birth } from "../../strategies/world.ts";
import type { SessionCommand } from "../forward-session.ts";
import type { Prepared } from "../prepare.ts";
import { type Arm, type Branch, createBranch, forkBranch } from "./branches.ts";

/** Sequences of candidates lie above those of prompts. */
const FIRST_CANDIDATE = 1_024n;

/** Candidates in forward. */
export interface BranchTable {
  /** The branch of a candidate. */
  of(candidate: { readonly id: number }): Branch;
  /** The steering that a candidate, or a prompt of its own, runs under. */
  steeringOf(id: number): number;
  /** Makes branches; the prompt is candidate 0. */
  fork(births: readonly Birth[]): void;
  /** Frees branches or prompts. */
  release(ids: readonly number[]): void;
  /** Adds a prompt of its own under a candidate's id. */
  addPrompt(id: number, arm: Arm): void;
  /** The sequence of a candidate that is about to be made. */
  sequenceOf(id: number): bigint;
  /** Commands that must reach forward before anything else. */
  take(): SessionCommand[];
}

/** Creates the table over opened prompts. */
export function createBranchTable({ vocabulary, spec }: Prepared, arms: readonly Arm[]): BranchTable {
  const branches = new Map<number, Branch>();
  const prompts = new Map<number, Arm>();
  const outbox: SessionCommand[] = [];
  let born = 0;

  const of = ({ id }: { readonly id: number }): Branch => {
    const branch = branches.get(id);
    if (!branch) throw new RangeError(`there is no branch ${id}`);
    return branch;
  };
  const sequenceOf = (id: number): bigint => FIRST_CANDIDATE + BigInt(id);
  /** The arm whose prompt a candidate continues; undefined if it continues another candidate. */
  const promptOf = (parent: number): Arm | undefined =>
    parent === 0 ? arms[born++ % arms.length] : prompts.get(parent);

  return {
    of,
    steeringOf: (id) => (prompts.get(id) ?? of({ id }).arm).steering,
    sequenceOf,
    addPrompt: (id, arm) => void prompts.set(id, arm),
    take: () => outbox.splice(0),
    fork(births) {
      const children = new Map<bigint, bigint[]>();
      for (const { id, parent } of births) {
        const place = { id, sequenceId: sequenceOf(id) };
        const arm = promptOf(parent);
        const source = arm ?? of({ id: parent });
        const branch = arm
          ? createBranch({ ...place, arm }, [], vocabulary, spec.stop)
          : forkBranch(place, of({ id: parent }), vocabulary, spec.stop);
        branches.set(id, branch);
        children.set(source.sequenceId, [...(children.get(source.sequenceId) ?? []), branch.sequenceId]);
      }
      for (const [sequenceId, childIds] of children) {
        outbox.push({ case: "fork", value: { sequenceId, childIds } });
      }
    },
    release(ids) {
      const sequenceIds = ids.flatMap((id) => {
        if (id === 0) return arms.map((arm) => arm.sequenceId);
        return [(prompts.get(id) ?? of({ id })).sequenceId];
      });
      outbox.push({ case: "release", value: { sequenceIds } });
    },
  };
}

/**
 * Compute gives way to whoever answers: a gateway on the same cores wakes up for a moment to refuse, to pass on a token, to tell its health,
 * and would else wait until a compute thread has used up its turn. Where nobody else wants the core this costs nothing. On Linux a
 * priority is a thread's own, and of the threads it starts; elsewhere it is the whole process's, which computes and little else.
 */
import { getPriority, setPriority } from "node:os";

/** Steps of niceness: with 5, a thread gets a third of the share of an ordinary one where both want the core. */
const STEPS = 5;
const LOWEST = 19;

/** Lowers the priority of the calling thread, where the system lets it. */
export function giveWay(): void {
  try {
    setPriority(Math.min(LOWEST, getPriority() + STEPS));
  } catch {
    // A system that does not know priorities serves without.
  }
}

/**
 * Turns of the event loop for work that comes all at once. One step of the engine gives every answer its token in the same
 * moment; passed on in one go, a dozen of them keep whoever else has come to the gateway (a refusal, a health check)
 * waiting for all of them. So each waits for a turn of the loop, first come, first served.
 */

/** Runs a piece of work: at once, or in a turn of its own. It may not throw. */
export type Breathe = (run: () => void) => void;

/**
 * Creates the queue of a process. One that comes alone does not wait; those behind it go on one a turn.
 * @param nextTurn calls back in the next turn of the event loop, after it has looked at its sockets
 */
export function createBreath(nextTurn: (run: () => void) => void = setImmediate): Breathe {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  const turn = (): void => {
    const first = waiting.shift();
    isTaken = first !== undefined;
    if (!first) return;
    nextTurn(turn);
    first();
  };
  return (run) => {
    if (isTaken) return void waiting.push(run);
    isTaken = true;
    nextTurn(turn);
    run();
  };
}

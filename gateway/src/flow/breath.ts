/**
 * Turns of the event loop for work that comes all at once. One step of the engine gives every answer its token in the same
 * moment; passed on in one go, a dozen of them keep whoever else has come to the gateway (a refusal, a health check)
 * waiting for all of them. So each waits for a turn of the loop, first come, first served.
 */

/** Undefined: go on at once. Otherwise go on when it resolves. */
export type Breathe = () => Promise<void> | undefined;

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
  return () => {
    if (isTaken) return new Promise((resolve) => waiting.push(resolve));
    isTaken = true;
    nextTurn(turn);
    return undefined;
  };
}

/**
 * Events of a session on their way to the one who reads them, in order, each in its turn of the event loop. A reader may take events
 * as they come: then what it does with a token is done in the moment the token arrives, without a promise in between.
 */
import type { Event } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Breathe } from "./breath.ts";

/** Takes an event, if it is one for it; what it throws is thrown to who waits. */
export type TakeEvent = (event: Event) => boolean;

/** What the events come from and pass. */
export interface EventSource {
  readonly breathe: Breathe;
  /** Events that nobody is to see; told of each once. */
  readonly isHidden: TakeEvent;
  /** Asks for more, once; they are to be added, or the reader is to fail. */
  readonly read: () => void;
}

/** A queue with one reader. */
export interface EventQueue {
  /** Adds events that were asked for. */
  add(events: readonly Event[]): void;
  /** Adds events in the moment they arrive; false if nobody waits for them, or others are before them: then they are not added. */
  arrive(events: readonly Event[]): boolean;
  /** There are no more: who asks for more than there is fails. */
  fail(error: unknown): void;
  /** The next event that `take` does not take. */
  next(take?: TakeEvent): Promise<Event>;
}

interface Reader {
  readonly take: TakeEvent | undefined;
  readonly resolve: (event: Event) => void;
  readonly reject: (error: unknown) => void;
}

/** Creates an empty queue. */
export function createEventQueue({ breathe, isHidden, read }: EventSource): EventQueue {
  const queue: Event[] = [];
  let reader: Reader | undefined;
  let failure: { readonly error: unknown } | undefined;
  /** More has been asked for. */
  let isReading = false;
  /** The first event waits for its turn. */
  let isWaiting = false;

  const hand = (event: Event): void => {
    const to = reader;
    if (!to) return;
    try {
      if (to.take?.(event)) return;
    } catch (error) {
      reader = undefined;
      return to.reject(error);
    }
    reader = undefined;
    to.resolve(event);
  };
  const serve = (): void => {
    if (!reader || isWaiting) return;
    while (queue[0] && isHidden(queue[0])) queue.shift();
    if (queue.length > 0) {
      isWaiting = true;
      return breathe(inTurn);
    }
    if (failure) {
      reader.reject(failure.error);
      reader = undefined;
    } else if (!isReading) {
      isReading = true;
      read();
    }
  };
  const inTurn = (): void => {
    isWaiting = false;
    const event = queue.shift();
    if (event) hand(event);
    serve();
  };
  return {
    add(events) {
      isReading = false;
      queue.push(...events);
      serve();
    },
    arrive(events) {
      if (!reader || queue.length > 0) return false;
      queue.push(...events);
      serve();
      return true;
    },
    fail(error) {
      failure = { error };
      serve();
    },
    next: (take) =>
      new Promise((resolve, reject) => {
        reader = { take, resolve, reject };
        serve();
      }),
  };
}

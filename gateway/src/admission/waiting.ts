/** One request in the line: it is admitted, or refused when its time is over or its client has left, and either once. */
import type { TrimtabError } from "#kit/errors.ts";
import type { Ask, Ticket } from "./admission.ts";
import type { Clock } from "./clock.ts";
import type { Patience } from "./patience.ts";
import { hasLeft, overloaded } from "./refusals.ts";
import type { WaitingLine } from "./waiting-line.ts";

/** Who waits. */
export interface Waiting extends Ask, Patience {
  /** When it began to wait. */
  readonly since: number;
  /** Its turn has come; it leaves the line. */
  admit(): void;
  /** It leaves the line without. */
  refuse(error: TrimtabError): void;
}

/** How to wait. */
export interface WaitOptions {
  readonly clock: Clock;
  readonly patience: Patience;
  /** Starts the request when its turn has come. */
  readonly start: (ask: Ask, since: number, hasTime: boolean) => Ticket;
  /** Called when it has left the line of itself: who stood behind it may be first now. */
  readonly left: () => void;
}

/** Waits in `line`. @throws TrimtabError SERVICE_UNAVAILABLE, CANCELLED, or what it is refused with. */
export function waitIn(
  line: WaitingLine<Waiting>,
  ask: Ask,
  { clock, patience, start, left }: WaitOptions,
): Promise<Ticket> {
  return new Promise((resolve, reject) => {
    const since = clock.now();
    const end = (): void => {
      line.remove(waiting);
      stopTimer();
      ask.signal.removeEventListener("abort", onLeave);
    };
    const waiting: Waiting = {
      ...ask,
      ...patience,
      since,
      admit() {
        end();
        resolve(start(ask, since, patience.hasTime));
      },
      refuse(error) {
        end();
        reject(error);
      },
    };
    const giveUp = (error: TrimtabError): void => {
      waiting.refuse(error);
      left();
    };
    const onLeave = () => giveUp(hasLeft());
    const stopTimer = clock.after(patience.endMs, () => giveUp(overloaded(patience.endMs)));
    ask.signal.addEventListener("abort", onLeave, { once: true });
    line.add(waiting);
  });
}

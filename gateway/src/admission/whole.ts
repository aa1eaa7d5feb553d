/**
 * A request of several parts, such as the prompts of one body: it is let in once, as one, with the first part that begins. Let in one by
 * one, a part might be refused for what the others have of its key's share or rate, and with it all of them, whenever it is asked again.
 */
import type { Ticket } from "./admission.ts";

/** A request of several parts. */
export interface Whole {
  /** A part of so many estimated tokens may run when this resolves. @throws what the request is refused with */
  begin(tokens: number): Promise<Ticket>;
  /** No part begins any more: what they used is counted. */
  end(): void;
}

/** Creates one; `enter` asks to let it in. */
export function createWhole(enter: () => Promise<Ticket>, now = (): number => performance.now()): Whole {
  let entering: Promise<Ticket> | undefined;
  let used = 0;
  return {
    async begin(tokens) {
      const since = now();
      await (entering ??= enter());
      let counted = tokens;
      used += counted;
      return {
        waitedMs: now() - since,
        leave(usedTokens) {
          used += usedTokens - counted;
          counted = usedTokens;
        },
      };
    },
    end() {
      // Who was not let in has nothing to give back.
      entering?.then(({ leave }) => leave(used)).catch(() => undefined);
    },
  };
}

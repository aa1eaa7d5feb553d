/**
 * Tokens of one choice -> text, with stop strings matched literally across token boundaries.
 *
 * Text that could be the start of a stop string is held back until it is decided, so nothing after a stop, and no part of
 * a stop, is ever emitted. The match that is complete first wins (of several, the longest): which one that is does not
 * depend on where tokens or batches end. Cost: O(held-back text x stop strings) a token.
 */
import type { Token } from "#proto/trimtab/type/v1/generation_pb.ts";

/** Token ids -> text; may hold bytes back until a character is whole. */
export interface IdDecoder {
  /** Text that became whole with this id. */
  push(id: number): string;
  /** What was held back, incomplete characters as U+FFFD. */
  end(): string;
}

/** A token with its spelling. */
export interface SpelledToken {
  readonly token: Token;
  readonly spelling: string;
}

/** Text that may be shown now, and the tokens behind it. */
export interface TextPiece {
  readonly text: string;
  readonly tokens: readonly SpelledToken[];
}

/** Text of one choice in the making. */
export interface ChoiceText {
  /** True once a stop string was met; later tokens are ignored. */
  readonly stopped: boolean;
  /** The answer so far. */
  readonly text: string;
  /** The same with what is held back, as it could be the start of a stop string. */
  readonly whole: string;
  /** Takes the next token; answers with what may be shown. Text up to a token that may not end the choice is never matched. */
  push(token: SpelledToken, mayStop?: boolean): TextPiece;
  /** The choice is over: shows what was held back. */
  end(): TextPiece;
}

interface HeldToken extends SpelledToken {
  readonly start: number;
  readonly end: number;
}

/** Creates the text of one choice; `initial` is its given beginning, shown already and never matched. */
export function createChoiceText(decoder: IdDecoder, stops: readonly string[], initial = ""): ChoiceText {
  let held = "";
  let emitted = 0;
  let text = initial;
  let stopped = false;
  let tokens: HeldToken[] = [];

  const release = (chars: number, takes: (token: HeldToken) => boolean): TextPiece => {
    const shown = held.slice(0, chars);
    held = held.slice(chars);
    emitted += chars;
    text += shown;
    const waiting = tokens.findIndex((token) => !takes(token));
    const count = waiting < 0 ? tokens.length : waiting;
    const out = tokens.slice(0, count);
    tokens = tokens.slice(count);
    return { text: shown, tokens: out };
  };

  const advance = (added: string, final: boolean, mayStop = true): TextPiece => {
    held += added;
    const cut = mayStop ? firstStop(held, stops) : -1;
    if (cut >= 0) {
      stopped = true;
      const piece = release(cut, (token) => token.start < emitted || token.end <= emitted);
      held = "";
      tokens = [];
      return piece;
    }
    const chars = final || !mayStop ? held.length : held.length - heldBack(held, stops);
    return release(chars, (token) => token.end <= emitted);
  };

  return {
    get stopped() {
      return stopped;
    },
    get text() {
      return text;
    },
    get whole() {
      return text + held;
    },
    push(token, mayStop) {
      if (stopped) return { text: "", tokens: [] };
      const added = decoder.push(token.token.id);
      const start = emitted + held.length;
      tokens.push({ ...token, start, end: start + added.length });
      return advance(added, false, mayStop);
    },
    end: () => (stopped ? { text: "", tokens: [] } : advance(decoder.end(), true)),
  };
}

/** Index where the stop string begins that is complete first in `text`; -1 if there is none. */
function firstStop(text: string, stops: readonly string[]): number {
  let bestEnd = Infinity;
  let best = -1;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start < 0) continue;
    const end = start + stop.length;
    if (end < bestEnd || (end === bestEnd && start < best)) {
      bestEnd = end;
      best = start;
    }
  }
  return best;
}

/** Length of the longest end of `text` that is the beginning of a stop string. */
export function heldBack(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}

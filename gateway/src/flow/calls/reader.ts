/**
 * The text of one choice -> what it says and what it calls. A call is told once it is whole, and markup that holds none stays text, as
 * the model wrote it. Text that may become the mark of a call is held back until that is decided. Cost: each text is looked at once.
 */
import { heldBack } from "../choice-text.ts";
import type { CallSyntax, WrittenCall } from "./syntax.ts";

/** What became certain. */
export interface Read {
  readonly text: string;
  readonly calls: readonly WrittenCall[];
  /** What the calls were as a text, if nothing held them to their schemas as they were written. */
  readonly unheld?: string;
}

/** Reads one choice. */
export interface CallReader {
  /** Takes the next text. */
  push(text: string): Read;
  /** The choice is over. A call whose closing mark is missing, or a part of it, counts if it is whole. */
  end(): Read;
}

/** Creates it; `isBegun`: the text begins within a call, which is all of it. */
export function createCallReader(
  { open, close, isHeldBehind, read }: CallSyntax,
  isBegun: boolean,
): CallReader {
  const isEndless = isBegun || close === "";
  let isInside = isBegun;
  /** A call has just ended: blanks after it belong to the markup. */
  let isAfterCall = false;
  /** Outside: what may be the beginning of a mark. */
  let held = "";
  /** Inside: what was taken since the mark; its end may be the beginning of the closing one. */
  let body: string[] = [];
  let tail = "";

  const say = (text: string): string => {
    const said = isAfterCall ? text.trimStart() : text;
    isAfterCall &&= said === "";
    return said;
  };
  /** Takes text outside of calls up to a mark; answers with what is said, and with what is left to read. */
  const outside = (text: string): [said: string, rest: string] => {
    const seen = held + text;
    const at = seen.indexOf(open);
    held = at < 0 ? seen.slice(seen.length - heldBack(seen, [open])) : "";
    if (at < 0) return [say(seen.slice(0, seen.length - held.length)), ""];
    isInside = true;
    return [say(seen.slice(0, at)), seen.slice(at + open.length)];
  };
  /** Takes text inside of a call; answers with its body once it is whole, and with what is left to read. */
  const inside = (text: string): [whole: string | undefined, rest: string] => {
    const seen = tail + text;
    const at = isEndless ? -1 : seen.indexOf(close);
    const end = at < 0 ? text.length : at + close.length - tail.length;
    body.push(text.slice(0, end));
    if (at < 0) {
      if (!isEndless) tail = seen.slice(-(close.length - 1));
      return [undefined, ""];
    }
    const whole = body.join("").slice(0, -close.length);
    [body, tail, isInside] = [[], "", false];
    return [whole, text.slice(end)];
  };
  return {
    push(text) {
      let said = "";
      const calls: WrittenCall[] = [];
      for (let rest = text; rest !== "";) {
        if (isInside) {
          const [whole, after] = inside(rest);
          rest = after;
          if (whole === undefined) continue;
          const written = read(whole);
          calls.push(...written);
          if (written.length === 0) said += say(open + whole + close);
          isAfterCall ||= written.length > 0;
        } else {
          const [before, after] = outside(rest);
          said += before;
          rest = after;
        }
      }
      return { text: said, calls };
    },
    end() {
      if (!isInside) return { text: say(held), calls: [] };
      const written = body.join("");
      const ofMark = isEndless ? 0 : heldBack(written, [close]);
      const calls = read(written.slice(0, written.length - ofMark));
      const whole = (isBegun ? "" : open) + written;
      if (calls.length === 0) return { text: say(whole), calls };
      return { text: "", calls, ...(!(isBegun || isHeldBehind) && { unheld: whole }) };
    },
  };
}

/**
 * Calls without their marks: small models forget them, and answer with the object alone, or in a code fence, as llama.cpp's server knows
 * too. It is a call where the answer begins with a function that was offered and is calls to its end; all else is read as it would be.
 */
import type { CallReader, Read } from "./reader.ts";
import type { CallSyntax, WrittenCall } from "./syntax.ts";

const FENCE = "```";
/** Before the object, without blanks. */
const BEFORE: readonly string[] = ["", FENCE, `${FENCE}json`];
/** How long it may take an answer to show that it begins with a call. */
const BEGINNING_CHARS = 256;

/** Reads the choice as `reader` does, unless it is calls of functions in `offered` that have no marks. */
export function withUnmarked(reader: CallReader, syntax: CallSyntax, offered: readonly string[]): CallReader {
  const openings = BEFORE.flatMap((before) => offered.map((name) => `${before}${syntax.unmarked}${name}"`));
  let held = "";
  let state: "beginning" | "call" | "text" = "beginning";
  const passOn = (): Read => {
    const text = held;
    [held, state] = ["", "text"];
    return reader.push(text);
  };
  return {
    push(text) {
      if (state === "text") return reader.push(text);
      held += text;
      if (state === "beginning") {
        const begins = beginsCall(held, openings);
        if (begins === false) return passOn();
        if (begins) state = "call";
      }
      return { text: "", calls: [] };
    },
    end() {
      const calls = state === "call" ? callsOf(held, syntax, offered) : undefined;
      if (calls) return { text: "", calls, unheld: held };
      const last = passOn();
      const rest = reader.end();
      return { ...rest, text: last.text + rest.text, calls: [...last.calls, ...rest.calls] };
    },
  };
}

/** Whether a text begins with a call; undefined: it may. */
function beginsCall(text: string, openings: readonly string[]): boolean | undefined {
  const seen = text.replaceAll(/\s/g, "");
  if (openings.some((opening) => seen.startsWith(opening))) return true;
  const mayBe = text.length <= BEGINNING_CHARS && openings.some((opening) => opening.startsWith(seen));
  return mayBe ? undefined : false;
}

/** The calls of a text that is nothing else: one, or one a line. */
function callsOf(
  text: string,
  syntax: CallSyntax,
  offered: readonly string[],
): readonly WrittenCall[] | undefined {
  const body = withoutFence(text.trim());
  const read = (part: string): readonly WrittenCall[] => {
    const calls = syntax.read(part);
    return calls.every(({ name }) => offered.includes(name)) ? calls : [];
  };
  const whole = read(body);
  if (whole.length > 0) return whole;
  const lines = body.split("\n").filter((line) => line.trim() !== "");
  const calls = lines.map(read);
  return calls.every(({ length }) => length > 0) ? calls.flat() : undefined;
}

function withoutFence(text: string): string {
  if (!text.startsWith(FENCE)) return text;
  const inner = text.slice(FENCE.length).replace(/^json/, "");
  return (inner.endsWith(FENCE) ? inner.slice(0, -FENCE.length) : inner).trim();
}

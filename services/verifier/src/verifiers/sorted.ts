/**
 * Is the answer the given items in order? Reads the last list of as many entries as there are items (text/lists.ts), else all of
 * the text. Cost: linear in the text, plus sorting the items once.
 */
import { TrimtabError } from "#kit/errors.ts";
import { SORTED_LIMITS } from "../../limits.ts";
import { type Entries, entriesOf, lastListOf } from "../text/lists.ts";
import { eachItem, type Outcome, type Verifier } from "../verifier.ts";

interface SortedParameters {
  readonly items: (number | string)[];
  readonly order?: "ascending" | "descending";
}

/** Creates the verifier "sorted". */
export function createSortedVerifier(): Verifier {
  return {
    name: "sorted",
    kind: "outcome",
    access: "program",
    needs: ["text"],
    labels: ["sorted", "wrong_order", "wrong_items"],
    description:
      "Whether the answer's last list of as many entries as are given, in one line or in lines of one entry each, has them in order.",
    calibration: "exact",
    parameters: {
      type: "object",
      properties: {
        items: {
          type: "array",
          items: {
            anyOf: [{ type: "number" }, { type: "string", minLength: 1, maxLength: SORTED_LIMITS.itemChars }],
          },
          minItems: 1,
          maxItems: SORTED_LIMITS.items,
          description: "What is to be sorted: numbers by value, else words by code point, case ignored.",
        },
        order: { type: "string", enum: ["ascending", "descending"], description: "Default ascending." },
      },
      required: ["items"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { items, order = "ascending" } = parameters as unknown as SortedParameters;
      const areNumbers = items.every((item) => typeof item === "number");
      const given = items.map((item) => (areNumbers ? item : String(item).toLowerCase()));
      const expected = given.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      if (order === "descending") expected.reverse();
      const kind: Entries<Entry> = areNumbers
        ? { pattern: /-?\d+(?:\.\d+)?/g, valueOf: Number }
        : { pattern: /[\p{L}\p{N}_'-]+/gu, valueOf: (entry) => entry.toLowerCase() };
      const odd = areNumbers ? -1 : given.findIndex((item) => entriesOf(String(item), kind)[0] !== item);
      if (odd >= 0) {
        const message = `items[${odd}] is no single word, and cannot be told apart in an answer`;
        throw new TrimtabError("INVALID_ARGUMENT", message, { field: `items[${odd}]` });
      }
      return {
        score: eachItem(({ text }) => {
          if (text.length > SORTED_LIMITS.textChars) {
            const reason = `the answer is longer than ${SORTED_LIMITS.textChars} characters`;
            return { failure: "TOO_LARGE", reason };
          }
          return judge(text, expected, kind);
        }),
      };
    },
  };
}

type Entry = number | string;

function judge(text: string, expected: readonly Entry[], kind: Entries<Entry>): Outcome {
  const found = lastListOf(text, expected.length, kind) ?? entriesOf(text, kind);
  if (isSame(found, expected)) return { score: 1, label: "sorted", reason: "all items, in order" };
  const byText = (a: Entry, b: Entry) => (String(a) < String(b) ? -1 : 1);
  const isPermutation = isSame(found.toSorted(byText), expected.toSorted(byText));
  return isPermutation
    ? { score: 0, label: "wrong_order", reason: "all items, out of order" }
    : { score: 0, label: "wrong_items", reason: "items are missing or added" };
}

function isSame(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}

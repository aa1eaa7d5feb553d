/** Small JavaScript functions on strings, checked by unit tests whose values come from functions of our own. */
import type { Random } from "../src/random.ts";
import type { Task, Turn } from "../src/task.ts";

interface Wanted {
  readonly level: number;
  readonly name: string;
  readonly asks: string;
  readonly body: string;
  readonly of: (text: string) => string | number | boolean;
}

const WANTED: readonly Wanted[] = [
  {
    level: 0,
    name: "upper",
    asks: "returns it in upper case",
    body: "return s.toUpperCase();",
    of: (s) => s.toUpperCase(),
  },
  { level: 0, name: "size", asks: "returns its length", body: "return s.length;", of: (s) => s.length },
  { level: 0, name: "twice", asks: "returns it two times in a row", body: "return s + s;", of: (s) => s + s },
  {
    level: 0,
    name: "first",
    asks: "returns its first character, or an empty string",
    body: "return s.charAt(0);",
    of: (s) => s.charAt(0),
  },
  {
    level: 1,
    name: "reverse",
    asks: "returns it reversed",
    body: "return s.split('').reverse().join('');",
    of: (s) => [...s].reverse().join(""),
  },
  {
    level: 1,
    name: "isEmpty",
    asks: "returns whether it is empty",
    body: "return s.length === 0;",
    of: (s) => s.length === 0,
  },
  {
    level: 1,
    name: "words",
    asks: "returns the number of words between single spaces",
    body: "return s === '' ? 0 : s.split(' ').length;",
    of: (s) => (s === "" ? 0 : s.split(" ").length),
  },
  {
    level: 1,
    name: "last",
    asks: "returns its last character, or an empty string",
    body: "return s.slice(-1);",
    of: (s) => s.slice(-1),
  },
  {
    level: 2,
    name: "vowels",
    asks: "returns the number of vowels (aeiou)",
    body: "return (s.match(/[aeiou]/g) || []).length;",
    of: (s) => s.match(/[aeiou]/g)?.length ?? 0,
  },
  {
    level: 2,
    name: "isPalindrome",
    asks: "returns whether it reads the same backwards",
    body: "return s === s.split('').reverse().join('');",
    of: (s) => s === [...s].reverse().join(""),
  },
  {
    level: 2,
    name: "squeeze",
    asks: "returns it without its spaces",
    body: "return s.replaceAll(' ', '');",
    of: (s) => s.replaceAll(" ", ""),
  },
  {
    level: 2,
    name: "swapEnds",
    asks: "returns it with its first and last character swapped",
    body: "return s.length < 2 ? s : s.slice(-1) + s.slice(1, -1) + s[0];",
    of: (s) => (s.length < 2 ? s : s.slice(-1) + s.slice(1, -1) + s.charAt(0)),
  },
];
const LETTERS = "abcdeiou ".split("");
const TESTS = 5;

/** String functions. */
export const stringFunctions: Task = {
  name: "string-functions",
  description: "a JavaScript function on strings that passes unit tests",
  levels: ["one call", "a little logic", "several steps"],
  answer: "text",
  separators: ["\n"],
  maxTokens: 96,
  draw(level, random) {
    const wanted = random.pick(WANTED.filter((one) => one.level === level));
    const inputs = ["", ...Array.from({ length: TESTS - 1 }, () => drawText(random))];
    const tests = inputs.map((input) => ({ arguments: [input], expected: wanted.of(input) }));
    return {
      key: `${wanted.name}:${inputs.toSorted().join("|")}`,
      messages: [...EXAMPLES, { role: "user", content: questionOf(wanted) }],
      outcome: { name: "unit_tests", parameters: { function: wanted.name, tests } },
      solution: solutionOf(wanted),
    };
  },
};

const drawText = (random: Random): string =>
  Array.from({ length: random.integer(2, 8) }, () => random.pick(LETTERS)).join("");
const questionOf = ({ name, asks }: Pick<Wanted, "name" | "asks">): string =>
  `Write a JavaScript function ${name}(s) that takes a string and ${asks}. Reply with code only.`;
const solutionOf = ({ name, body }: Pick<Wanted, "name" | "body">): string =>
  `\`\`\`js\nfunction ${name}(s) {\n  ${body}\n}\n\`\`\``;

const EXAMPLES: readonly Turn[] = [
  { name: "lower", asks: "returns it in lower case", body: "return s.toLowerCase();" },
].flatMap((shown) => [
  { role: "user" as const, content: questionOf(shown) },
  { role: "assistant" as const, content: solutionOf(shown) },
]);

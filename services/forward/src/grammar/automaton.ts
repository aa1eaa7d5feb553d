/**
 * Regular expressions as trees → deterministic automata → EBNF, a rule a state. Deterministic, because XGrammar 0.1.27
 * merges the alternatives of a rule, wrongly where they can begin alike: `"a" [ab] | [a-c] [ab] [ab] | [a-c] [ab] [ab] [ab]`
 * also accepts texts of five characters.
 *
 * Source: Thompson's construction and the subset construction. Cost: O(nodes looked at), which is limited, as states are.
 */
import { TrimtabError } from "#kit/errors.ts";
import { MAX_AUTOMATON_STATES, MAX_AUTOMATON_WORK } from "../../limits.ts";
import { ASCII, ASCII_CODES, type CharacterSet, oneOf, singleCharacter } from "./characters.ts";

/** A regular expression. */
export type Expression =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly parts: readonly Expression[] }
  | { readonly kind: "repeat"; readonly body: Expression; readonly least: number; readonly most: number };

/** A literal text. */
export function textOf(text: string): Expression {
  const parts = [...text].map((char): Expression => ({
    kind: "set",
    set: singleCharacter(char.codePointAt(0) ?? 0),
  }));
  return { kind: "sequence", parts };
}

/** Stands for all characters that are listed nowhere. */
const REST = -1;
const MAX_DEPTH = 512;

interface Node {
  readonly empty: number[];
  set?: CharacterSet;
  next?: number;
}

/**
 * The rules of an expression; the first one, `<name>0`, is the whole.
 * @throws TrimtabError FIELD_OUT_OF_RANGE when it has too many states or takes too much work, UNSUPPORTED when classes beyond ASCII overlap
 */
export function automatonRules(expression: Expression, name: string, field: string): string[] {
  const nodes: Node[] = [];
  const tooLarge = (limit: number, of: string): TrimtabError =>
    new TrimtabError("FIELD_OUT_OF_RANGE", `${field}: more than ${limit} ${of}`, { field, limit });
  const add = (node: Node): number => {
    if (nodes.length > MAX_AUTOMATON_STATES * 4) throw tooLarge(MAX_AUTOMATON_STATES, "states");
    return nodes.push(node) - 1;
  };
  const end = add({ empty: [] });
  const start = build(expression, end, add, nodes, 0);
  const { codes, of } = classesOf(nodes);
  let work = 0;
  const spend = (looked: number): void => {
    work += looked;
    if (work > MAX_AUTOMATON_WORK) throw tooLarge(MAX_AUTOMATON_WORK, "steps to make it deterministic");
  };
  const states = new Map<string, number>();
  const members: (readonly number[])[] = [];
  const stateOf = (from: readonly number[]): number => {
    const closed = closure(from, nodes);
    spend(closed.length);
    const key = closed.join(" ");
    const known = states.get(key);
    if (known !== undefined) return known;
    if (members.length >= MAX_AUTOMATON_STATES) throw tooLarge(MAX_AUTOMATON_STATES, "states");
    states.set(key, members.length);
    return members.push(closed) - 1;
  };
  stateOf([start]);
  const rules: string[] = [];
  for (let state = 0; state < members.length; state++) {
    const own = members[state] ?? [];
    const reached = new Map<number, number[]>();
    for (const index of own) {
      const { set, next } = nodes[index] ?? {};
      if (!set || next === undefined) continue;
      const classes = of(set);
      spend(classes.length);
      for (const one of classes) append(reached, one, next);
    }
    // Many classes lead to the same nodes.
    const ways = Map.groupBy(reached, ([, to]) => to.join(" ")).values();
    const steps = new Map<number, number[]>();
    for (const alike of ways) {
      const to = stateOf(alike[0]?.[1] ?? []);
      for (const [one] of alike) for (const code of codes[one] ?? []) append(steps, to, code);
    }
    const parts = [...steps].flatMap(([to, codes]) =>
      oneOf(setOf(codes, steps, field)).map((one) => `${one} ${name}${to}`),
    );
    const ends = own.includes(end) ? ['""'] : [];
    rules.push(`${name}${state} ::= ${[...ends, ...parts].join(" | ") || "[]"}`);
  }
  return rules;
}

/** Nodes of an expression in front of `next`; answers where it starts. */
function build(
  expression: Expression,
  next: number,
  add: (node: Node) => number,
  nodes: Node[],
  depth: number,
): number {
  if (depth > MAX_DEPTH) throw new TrimtabError("FIELD_OUT_OF_RANGE", "an expression is nested too deeply");
  const inner = (part: Expression, to: number) => build(part, to, add, nodes, depth + 1);
  switch (expression.kind) {
    case "set":
      return add({ empty: [], set: expression.set, next });
    case "sequence":
      return expression.parts.reduceRight((to, part) => inner(part, to), next);
    case "choice":
      return add({ empty: expression.parts.map((part) => inner(part, next)) });
    case "repeat": {
      const { body, least, most } = expression;
      let to = next;
      if (most === Number.POSITIVE_INFINITY) {
        to = add({ empty: [next] });
        nodes[to]?.empty.push(inner(body, to));
      } else {
        for (let i = least; i < most; i++) to = add({ empty: [next, inner(body, to)] });
      }
      for (let i = 0; i < least; i++) to = inner(body, to);
      return to;
    }
  }
}

/** Characters that are told apart, by classes: those of one class are in the same sets. */
interface Classes {
  /** By class. */
  readonly codes: readonly (readonly number[])[];
  /** The classes that make up a set. */
  readonly of: (set: CharacterSet) => readonly number[];
}

function classesOf(nodes: readonly Node[]): Classes {
  const sets = [...new Set(nodes.flatMap(({ set }) => (set ? [set] : [])))];
  // What a character is in besides the sets that hold all beyond ASCII.
  const memberships = new Map<number, string>([
    ...ASCII_CODES.map((code) => [code, "ASCII"] as const),
    [REST, ""],
  ]);
  for (const [index, set] of sets.entries()) {
    for (const code of listedIn(set)) memberships.set(code, `${memberships.get(code) ?? ""} ${index}`);
  }
  const codes = [...Map.groupBy(memberships.keys(), (code) => memberships.get(code)).values()];
  const classOf = new Map(codes.flatMap((alike, one) => alike.map((code) => [code, one] as const)));
  const beyond = [...codes.keys()].filter((one) => !isAscii(codes[one]?.[0] ?? REST));
  const known = new Map<CharacterSet, readonly number[]>();
  // One at a time: many sets that hold almost everything, told apart by many characters, would be too much at once.
  const of = (set: CharacterSet): readonly number[] => {
    const found = known.get(set);
    if (found) return found;
    const listed = listedIn(set).map((code) => classOf.get(code) ?? 0);
    const classes = [...new Set([...listed, ...(set.others === "all" ? beyond : [])])];
    known.set(set, classes);
    return classes;
  };
  return { codes, of };
}

/** The characters a set names one by one. */
const listedIn = ({ ascii, others }: CharacterSet): readonly number[] => [
  ...ascii,
  ...(others === "all" ? [] : others),
];

const isAscii = (code: number): boolean => code !== REST && code < ASCII;

/** Characters that lead to one state. Beyond ASCII they must be all or some, and not all but some. */
function setOf(
  codes: readonly number[],
  steps: ReadonlyMap<number, readonly number[]>,
  field: string,
): CharacterSet {
  const ascii = new Set(codes.filter(isAscii));
  const beyond = new Set(codes.filter((code) => code >= ASCII));
  if (!codes.includes(REST)) return { ascii, others: beyond };
  const isOverlapping = [...steps.values()].some(
    (other) => other !== codes && other.some((code) => code >= ASCII),
  );
  if (!isOverlapping) return { ascii, others: "all" };
  const message = `${field}: characters beyond ASCII are told apart from all others; this cannot be enforced`;
  throw new TrimtabError("UNSUPPORTED", message, { field });
}

function closure(from: readonly number[], nodes: readonly Node[]): readonly number[] {
  const seen = new Set(from);
  for (const index of seen) for (const next of nodes[index]?.empty ?? []) seen.add(next);
  return [...seen].sort((a, b) => a - b);
}

function append(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

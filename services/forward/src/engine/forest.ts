/** Opening many texts at once: what several of them begin with is computed once and shared. */
import { TrimtabError } from "#kit/errors.ts";
import type { CommandInput, Engine, StreamEvent } from "./client.ts";
import { planForest } from "./prefix.ts";
import type { Opened, SequenceId } from "./protocol.ts";

/** One text to open. */
export interface ForestOpen {
  readonly command: Omit<CommandInput<"open">, "type" | "parent">;
  /** How many of its first tokens may be computed together with others: none is read or changed for it alone. */
  readonly shareable: number;
  readonly onEvent?: (event: StreamEvent) => void;
}

/**
 * Opens the texts of one caller under one common program binding.
 * @returns one promise a text, in order; `prefilledTokens` of the first of several texts includes their shared prefix
 */
export function openForest(engine: Engine, opens: readonly ForestOpen[]): Promise<Opened>[] {
  const [first] = opens;
  if (!first) return [];
  const nodes = planForest(opens.map(({ command, shareable }) => ({ ids: command.ids, shareable })));
  const sequences: SequenceId[] = [];
  const children = nodes.map((): Promise<unknown>[] => []);
  const extra = nodes.map(() => 0);
  const opening: Promise<Opened>[] = [];
  const answers: Promise<Opened>[] = [];
  for (const [index, { ids, parent, item }] of nodes.entries()) {
    const open = item === null ? undefined : opens[item];
    const sequence = open?.command.sequence ?? engine.newSequence();
    sequences.push(sequence);
    const parentSequence = parent === null ? null : (sequences[parent] ?? null);
    const command = open?.command ?? prefixCommand(first, sequence, ids);
    const call = engine.call({ ...command, type: "open", parent: parentSequence }, open?.onEvent);
    const answer = parent === null ? call : reasonOfPrefix(call, opening[parent]);
    opening.push(answer);
    if (parent !== null) children[parent]?.push(answer);
    if (item === null) {
      answer.then(
        ({ prefilledTokens }) => void (extra[index] = prefilledTokens),
        () => undefined,
      );
    } else {
      const text = answer.then((opened) => billed(opened, parent, nodes, extra));
      text.catch(() => undefined);
      answers[item] = text;
    }
  }
  for (const [index, { item }] of nodes.entries()) {
    if (item !== null) continue;
    const sequence = sequences[index] ?? 0;
    void Promise.allSettled(children[index] ?? []).then(() =>
      engine.call({ type: "release", sequences: [sequence] }).catch(() => undefined),
    );
  }
  return answers;
}

/** An opening that fails as its prefix did where that was refused: of one there is not, there is nothing to go on from. */
async function reasonOfPrefix(call: Promise<Opened>, prefix: Promise<Opened> | undefined): Promise<Opened> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof TrimtabError && error.reason === "SEQUENCE_NOT_FOUND") await prefix;
    throw error;
  }
}

/** A prefix nobody reads: all its tokens lie before the last prompt token of every text. */
function prefixCommand(
  { command: { binding, caller } }: ForestOpen,
  sequence: SequenceId,
  ids: readonly number[],
): ForestOpen["command"] {
  const nothing = { taps: [], score: null, complete: true, transient: false };
  return { ...nothing, sequence, caller, ids, promptTokens: ids.length + 1, binding };
}

/** Adds the cost of shared prefixes to the first text below them. */
function billed(
  opened: Opened,
  parent: number | null,
  nodes: readonly { readonly parent: number | null }[],
  extra: number[],
): Opened {
  let prefilledTokens = opened.prefilledTokens;
  for (let node = parent; node !== null; node = nodes[node]?.parent ?? null) {
    prefilledTokens += extra[node] ?? 0;
    extra[node] = 0;
  }
  return {
    ...opened,
    prefilledTokens,
    reusedTokens: opened.reusedTokens - (prefilledTokens - opened.prefilledTokens),
  };
}

/** Spellings of token ids, asked of the server once an id. */
import { signal } from "@preact/signals";
import { gateway } from "../lib/client.ts";
import { model } from "../state/catalog.ts";

const known = new Map<string, string>();
const wanted = new Set<number>();
/** Counts arrivals; whoever shows spellings reads it. */
const arrived = signal(0);

/** How a token is shown; "…" until the server has said it. */
export function spelling(id: number): string {
  void arrived.value;
  const text = known.get(keyOf(id));
  if (text !== undefined) return visible(text);
  if (wanted.size === 0) queueMicrotask(() => void fetchWanted());
  wanted.add(id);
  return "…";
}

/** A token's text with its blanks made visible. */
export function visible(text: string): string {
  return text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥");
}

async function fetchWanted(): Promise<void> {
  const ids = [...wanted];
  wanted.clear();
  try {
    const { tokens } = await gateway.detokenize({ model: model.value?.name ?? "", ids });
    ids.forEach((id, index) => known.set(keyOf(id), tokens[index] ?? ""));
    arrived.value++;
  } catch {
    // The ids stay unknown and are asked for again when they are shown again.
  }
}

const keyOf = (id: number): string => `${model.value?.digest ?? ""} ${id}`;

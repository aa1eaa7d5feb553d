/** A link that reopens this state. It stands after `#`, so no server and no log ever sees it; no words of the user are in it. */
import { changeSearch, DEFAULT_SEARCH, searchSettings } from "../search/settings.ts";
import { change, DEFAULT_SETTINGS, settings } from "../state/settings.ts";

const VIEW = "view";

/** Settings that a link carries, each under a prefix; those of `words` are left out. */
interface Group {
  readonly prefix: string;
  readonly words: readonly string[];
  readonly initial: object;
  readonly now: () => object;
  readonly take: (found: object) => void;
}

const GROUPS: readonly Group[] = [
  {
    ...{ prefix: "", words: ["system"], initial: DEFAULT_SETTINGS },
    ...{ now: () => settings.value, take: change },
  },
  {
    ...{ prefix: "search.", words: ["question", "verifierParameters"], initial: DEFAULT_SEARCH },
    ...{ now: () => searchSettings.value, take: changeSearch },
  },
];

/** The part after `#` for a view and the settings that differ from the defaults. */
export function toHash(view: string): string {
  const parts = new URLSearchParams({ [VIEW]: view });
  for (const { prefix, words, initial, now } of GROUPS) {
    const values = new Map(Object.entries(now()));
    for (const [name, usual] of Object.entries(initial)) {
      const text = JSON.stringify(values.get(name));
      if (text !== JSON.stringify(usual) && !words.includes(name)) parts.set(prefix + name, text);
    }
  }
  return `#${parts}`;
}

/** The view named by a link; takes over its settings, where they are of the right type. */
export function fromHash(hash: string): string {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  for (const { prefix, initial, take } of GROUPS) {
    const found = Object.entries(initial).flatMap(([name, usual]): [string, unknown][] => {
      const value = parse(parts.get(prefix + name));
      const isNullable = usual === null || value === null;
      return value !== undefined && (isNullable || typeof value === typeof usual) ? [[name, value]] : [];
    });
    if (found.length > 0) take(Object.fromEntries(found));
  }
  return parts.get(VIEW) ?? "";
}

function parse(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

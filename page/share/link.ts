/** A link that reopens this state. It stands after `#`, so no server and no log ever sees it; no prompt text is in it. */
import { DEFAULT_SETTINGS, type Settings, settings } from "../state/settings.ts";

const VIEW = "view";
/** What a link never carries: words of the user. */
const PRIVATE: readonly (keyof Settings)[] = ["system"];

/** The part after `#` for a view and the settings that differ from the defaults. */
export function toHash(view: string): string {
  const parts = new URLSearchParams({ [VIEW]: view });
  for (const [name, value] of Object.entries(settings.value)) {
    const key = name as keyof Settings;
    const isDefault = JSON.stringify(value) === JSON.stringify(DEFAULT_SETTINGS[key]);
    if (!isDefault && !PRIVATE.includes(key)) parts.set(name, JSON.stringify(value));
  }
  return `#${parts}`;
}

/** The view named by a link; takes over its settings, where they are of the right type. */
export function fromHash(hash: string): string {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const found: Record<string, unknown> = {};
  for (const [name, initial] of Object.entries(DEFAULT_SETTINGS)) {
    const value = parse(parts.get(name));
    const isNullable = initial === null || value === null;
    if (value !== undefined && (isNullable || typeof value === typeof initial)) found[name] = value;
  }
  if (Object.keys(found).length > 0) settings.value = { ...settings.value, ...found };
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

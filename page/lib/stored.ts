/** Signals that outlive the page: kept in the browser, never sent anywhere. */
import { effect, type Signal, signal } from "@preact/signals";
import { place } from "./slot.ts";

const PREFIX = "trimtab.";

/** A signal whose value is kept under `name`; what was stored by another version is laid over `initial` key by key. */
export function storedSignal<T extends object>(name: string, initial: T): Signal<T> {
  const kept = signal({ ...initial, ...read(name) });
  effect(() => {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(kept.value));
    } catch {
      // Storage is full or forbidden: the page works, it only forgets.
    }
  });
  return kept;
}

/** A signal that holds words of the user: each open tab keeps its own. */
export function storedWords<T extends object>(name: string, initial: T): Signal<T> {
  return storedSignal(name + place, initial);
}

function read(name: string): object {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + name) ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** How something is refused, when it must be: with a typed error, and with no other. */
import { TrimtabError } from "#kit/errors.ts";

/** The typed error of `action`; undefined if it runs through. Throws whatever else goes wrong. */
function typedError(action: () => unknown): TrimtabError | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof TrimtabError) return error;
    throw error;
  }
  return undefined;
}

/** The error `action` is refused with. Throws if it is not refused. */
export function refusalOf(action: () => unknown): TrimtabError {
  const error = typedError(action);
  if (!error) throw new Error("it was not refused");
  return error;
}

/** Reason and field of the error `action` is refused with. Throws if it is not refused. */
export function refusedField(action: () => unknown): { reason: string; field: string | undefined } {
  const { reason, field } = refusalOf(action);
  return { reason, field };
}

/** The reason `action` is refused for; "none" if it runs through. */
export function refusedFor(action: () => unknown): string {
  return typedError(action)?.reason ?? "none";
}

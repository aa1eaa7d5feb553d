/** The keys a gateway of ours takes: those of the environment, those of the key file, and one this process calls it with. */
import { randomUUID } from "node:crypto";
import { operatorMethods } from "../../gateway/index.ts";
import { readKeys } from "#kit/api-keys.ts";
import { createKeyGate, type KeyGate, ownKey } from "#kit/auth.ts";
import { keysPath } from "#kit/paths.ts";

/** A gate, and a key that opens it. */
export interface GateKeys {
  readonly gate: KeyGate;
  /** Undefined if the gate is open. */
  readonly own: string | undefined;
}

/** Reads the keys there are now. @throws TrimtabError ARTIFACT_INVALID for a key file that is none. */
export function createGateKeys(): GateKeys {
  const keys = readKeys(keysPath());
  const own = ownKey() ?? (keys.length > 0 ? randomUUID() : undefined);
  const apiKey = [process.env.TRIMTAB_API_KEY ?? "", own ?? ""].join(" ");
  return { gate: createKeyGate({ apiKey, keys, operatorMethods }), own };
}

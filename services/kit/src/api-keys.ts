/**
 * API keys with rights: a file of digests (the keys themselves are shown once, when they are made, and kept nowhere). A key is
 * 256 random bits, so that a plain SHA-256 of it is as good as a slow hash.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { z } from "zod";
import { TrimtabError } from "./errors.ts";
import { withFileLock } from "./file-lock.ts";
import { writeFileAtomic } from "./files.ts";
import { readJsonFile } from "./json-file.ts";
import { KEY_LIMITS } from "./limits.ts";

/** What the holder of a key may do. */
export interface Grant {
  /** Name for logs; unique in its file. */
  readonly name: string;
  /** May load models, store artifacts, build recipes and read metrics. */
  readonly operator: boolean;
  /** Tokens a second; absent: as fast as it goes. */
  readonly tokensPerSecond?: number | undefined;
  /** Requests running and waiting at a time. */
  readonly concurrent?: number | undefined;
  /** Highest priority the key may ask for. */
  readonly priority: "high" | "normal" | "low";
  /** Recipes and directions it may steer with; absent: all. */
  readonly steering?: readonly string[] | undefined;
  /** Largest magnitude of a scale it may ask for; absent: the API's. */
  readonly steeringScale?: number | undefined;
  /** Largest relative dose it may ask for, and none in nats; absent: the API's. */
  readonly steeringDose?: number | undefined;
  /** When it ends, ISO 8601 with an offset, by the server's clock; absent: never. */
  readonly expires?: string | undefined;
}

/** A key as it is stored. */
export interface StoredKey extends Grant {
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
}

const PREFIX = "tt-";
const KEY_BYTES = 32;
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/);

const stored = z.strictObject({
  name,
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  operator: z.boolean().default(false),
  tokensPerSecond: z.number().positive().max(KEY_LIMITS.tokensPerSecond).optional(),
  concurrent: z.int().min(1).max(KEY_LIMITS.concurrent).optional(),
  priority: z.enum(["high", "normal", "low"]).default("normal"),
  steering: z.array(name).max(KEY_LIMITS.steering).optional(),
  steeringScale: z.number().min(0).max(KEY_LIMITS.steeringStrength).optional(),
  steeringDose: z.number().min(0).max(KEY_LIMITS.steeringStrength).optional(),
  expires: z.iso.datetime({ offset: true }).optional(),
});
const file = z.strictObject({ keys: z.array(stored).max(KEY_LIMITS.keys) });

/** Digest of a key, as in the file. */
export function keyDigest(key: string): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(key).digest("hex")}`;
}

/** Reads a key file; an absent one holds none. @throws TrimtabError ARTIFACT_INVALID naming what is wrong. */
export function readKeys(path: string): readonly StoredKey[] {
  if (!existsSync(path)) return [];
  const parsed = file.safeParse(readJsonFile(path, "key file", KEY_LIMITS.file));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const message = `key file: ${issue?.path.join(".")}: ${issue?.message}`;
    throw new TrimtabError("ARTIFACT_INVALID", message, { field: issue?.path.join(".") ?? "keys" });
  }
  const names = parsed.data.keys.map((key) => key.name);
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice === undefined) return parsed.data.keys;
  throw new TrimtabError("ARTIFACT_INVALID", `key file: two keys are named ${twice}`, { field: "keys" });
}

/** Makes a key and adds it to the file. @returns the key, which is stored nowhere. @throws TrimtabError CONFLICT, ARTIFACT_INVALID. */
export function createKey(path: string, grant: Grant): string {
  const key = PREFIX + randomBytes(KEY_BYTES).toString("base64url");
  withFileLock(path, () => {
    const keys = readKeys(path);
    if (keys.some((one) => one.name === grant.name)) {
      throw new TrimtabError("CONFLICT", `a key is named ${grant.name} already`, { field: "name" });
    }
    writeKeys(path, [...keys, { ...grant, digest: keyDigest(key) }]);
  });
  return key;
}

/** Takes a key out of the file. @throws TrimtabError FIELD_OUT_OF_RANGE if there is none of this name. */
export function deleteKey(path: string, keyName: string): void {
  withFileLock(path, () => {
    const keys = readKeys(path);
    const left = keys.filter((one) => one.name !== keyName);
    if (left.length < keys.length) return writeKeys(path, left);
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `no key is named ${keyName}`, { field: "name" });
  });
}

function writeKeys(path: string, keys: readonly StoredKey[]): void {
  const parsed = file.safeParse({ keys });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `${String(issue?.path.at(-1))}: ${issue?.message}`, {
      field: String(issue?.path.at(-1)),
    });
  }
  writeFileAtomic(path, new TextEncoder().encode(`${JSON.stringify(parsed.data, undefined, 2)}\n`));
}

/** API keys with rights: hashed at rest, read strictly, and worth what their file says. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKey, deleteKey, keyDigest, readKeys } from "#kit/api-keys.ts";
import { createKeyGate } from "#kit/auth.ts";
import { refusedFor } from "../../support/refusal.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trimtab-keys-"));
  path = join(directory, "keys.json");
});
afterEach(() => rmSync(directory, { recursive: true }));

const plain = { name: "app", operator: false, priority: "normal" } as const;
const bearer = (key: string) => new Headers({ authorization: `Bearer ${key}` });

test("a key is shown once, kept as a digest only its owner can read, and opens the gate with its rights", () => {
  const key = createKey(path, { ...plain, tokensPerSecond: 5, steering: ["refusal"] });
  const text = readFileSync(path, "utf8");
  expect(text).not.toContain(key);
  expect(text).toContain(keyDigest(key));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const gate = createKeyGate({ apiKey: "", keys: readKeys(path) });
  expect(gate.check(bearer(key))).toMatchObject({ name: "app", tokensPerSecond: 5, steering: ["refusal"] });
  expect(refusedFor(() => gate.check(bearer(`${key}x`)))).toBe("UNAUTHENTICATED");
  expect(refusedFor(() => gate.check(bearer(keyDigest(key))))).toBe("UNAUTHENTICATED");
});

test("a name is taken once, and a deleted key is none", () => {
  const key = createKey(path, plain);
  expect(refusedFor(() => createKey(path, plain))).toBe("CONFLICT");
  createKey(path, { ...plain, name: "other" });
  deleteKey(path, "app");
  expect(refusedFor(() => deleteKey(path, "app"))).toBe("FIELD_OUT_OF_RANGE");
  const gate = createKeyGate({ apiKey: "", keys: readKeys(path) });
  expect(refusedFor(() => gate.check(bearer(key)))).toBe("UNAUTHENTICATED");
});

test("a key ends at its time, by the clock of the server, with a reason of its own", () => {
  const expires = "2030-05-01T12:00:00+02:00";
  const key = createKey(path, { ...plain, expires });
  const at = (time: string) =>
    createKeyGate({ apiKey: "", keys: readKeys(path), now: () => Date.parse(time) });
  expect(at("2030-05-01T09:59:59.999Z").check(bearer(key))).toMatchObject({ name: "app", expires });
  for (const time of ["2030-05-01T10:00:00Z", "2031-01-01T00:00:00Z"]) {
    expect(refusedFor(() => at(time).check(bearer(key)))).toBe("KEY_EXPIRED");
    expect(() => at(time).check(bearer(key))).toThrow(expires);
    expect(refusedFor(() => at(time).check(bearer(`${key}x`)))).toBe("UNAUTHENTICATED");
    expect(at(time).isOpen).toBe(false);
  }
});

test.each([
  ["no JSON", "keys: []"],
  ["a list", "[]"],
  ["an unknown field", '{"keys":[],"admin":true}'],
  ["an unknown right", '{"keys":[{"name":"a","digest":"sha256:00","root":true}]}'],
  ["a digest that is none", `{"keys":[{"name":"a","digest":"sha256:${"g".repeat(64)}"}]}`],
  ["a plain key", `{"keys":[{"name":"a","key":"secret"}]}`],
  ["a name twice", JSON.stringify({ keys: ["a", "a"].map((name) => ({ name, digest: keyDigest("x") })) })],
  ["a key twice in an object", `{"keys":[],"keys":[]}`],
])("a key file with %s opens nothing: it is refused", (_name, text) => {
  writeFileSync(path, text);
  expect(refusedFor(() => readKeys(path))).toBe("ARTIFACT_INVALID");
});

test("what no key may have is refused when it is made", () => {
  expect(refusedFor(() => createKey(path, { ...plain, name: "../x" }))).toBe("FIELD_OUT_OF_RANGE");
  expect(refusedFor(() => createKey(path, { ...plain, tokensPerSecond: -1 }))).toBe("FIELD_OUT_OF_RANGE");
  expect(refusedFor(() => createKey(path, { ...plain, concurrent: 0.5 }))).toBe("FIELD_OUT_OF_RANGE");
  expect(refusedFor(() => createKey(path, { ...plain, expires: "next week" }))).toBe("FIELD_OUT_OF_RANGE");
});

test("keys made and taken back by several processes at once are there, and gone, as each was told", async () => {
  const shared = join(directory, "shared.json");
  // Left behind by a process that was killed.
  const gone = Bun.spawnSync(["true"]).pid;
  writeFileSync(`${shared}.lock`, `${gone} killed`);
  const writers = ["a", "b", "c", "d"].map((own) =>
    Bun.spawn([process.execPath, join(import.meta.dir, "key-writer.ts"), shared, own, "10"], {
      stdout: "pipe",
    }),
  );
  const told = await Promise.all(writers.map(({ stdout }) => new Response(stdout).text()));
  const digests = readKeys(shared).map(({ digest }) => digest);
  expect(digests.toSorted()).toEqual(told.join("").split("\n").filter(Boolean).toSorted());
  expect(digests).toHaveLength(20);
  expect(readdirSync(directory).filter((name) => name.includes("lock"))).toEqual([]);
}, 120_000);

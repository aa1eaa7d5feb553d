/**
 * Two processes on one store, at every moment: while one call is under way, at its n-th operation of the disk, another process does
 * something whole. Whatever n: what came of both is what one after the other gives, in either order, and what is stored is readable.
 */
import { afterAll, afterEach, beforeEach, expect, mock, test } from "bun:test";
import * as realFs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const fs = { ...realFs };
/** What happens at which of the next operations of the disk. */
let interruption: { at: number; act: () => void } | undefined;

function interruptible<F extends (...args: never[]) => unknown>(real: F): F {
  return ((...args: Parameters<F>) => {
    if (interruption && --interruption.at === 0) {
      const { act } = interruption;
      interruption = undefined;
      act();
    }
    return real(...args);
  }) as F;
}
const functions = Object.entries(fs).filter(
  ([name, value]) => name.endsWith("Sync") && typeof value === "function",
);
await mock.module("node:fs", () => ({
  ...fs,
  ...Object.fromEntries(functions.map(([name, real]) => [name, interruptible(real as never)])),
  // Nothing loses its power here, and waiting for the disk is most of the time.
  fsyncSync: interruptible(() => {}),
}));
const { createArtifactStore } = await import("#kit/artifact-store.ts");
const { fromConnectError } = await import("#kit/errors.ts");
const { ArtifactKind } = await import("#proto/trimtab/type/v1/artifact_pb.ts");
type ArtifactStore = ReturnType<typeof createArtifactStore>;

const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
let directory: string;
beforeEach(() => void (directory = fs.mkdtempSync(join(tmpdir(), "trimtab-interleaved-"))));
afterEach(() => fs.rmSync(directory, { recursive: true }));
afterAll(() => void mock.restore());

/** A call and its result, in words; on a store, and on what a store should be. */
interface Call {
  readonly name: string;
  on(store: ArtifactStore): string;
  inTheory(table: Map<string, string>): string;
}

const kind = ArtifactKind.FINDING;
const put = (name: string, content: string, replace = false): Call => ({
  name: `put ${name} ${content}`,
  on: (store) => (store.put({ name, kind, bytes: Buffer.from(content), replace }), "stored"),
  inTheory(table) {
    if (table.has(name) && table.get(name) !== content && !replace) return "ARTIFACT_EXISTS";
    table.set(name, content);
    return "stored";
  },
});
const remove = (name: string): Call => ({
  name: `delete ${name}`,
  on: (store) => (store.delete(name), "deleted"),
  inTheory: (table) => (table.delete(name) ? "deleted" : "ARTIFACT_NOT_FOUND"),
});
const get = (name: string): Call => ({
  name: `get ${name}`,
  on: (store) => new TextDecoder().decode(store.get(name).bytes),
  inTheory: (table) => table.get(name) ?? "ARTIFACT_NOT_FOUND",
});

function resultOn(store: ArtifactStore, call: Call): string {
  try {
    return call.on(store);
  } catch (error) {
    return fromConnectError(error).reason;
  }
}

/** "one" is stored twice, so that its bytes are two names' concern. */
const BEFORE = [
  ["a", "one"],
  ["b", "one"],
  ["c", "two"],
] as const;
const FIRST = [put("d", "one"), put("d", "three"), put("c", "one", true), put("c", "three"), remove("a"), remove("c"), get("a"), get("c")]; // prettier-ignore
const SECOND: readonly (readonly Call[])[] = [
  [put("e", "one")],
  [put("e", "two")],
  [put("d", "three")],
  [put("c", "three", true)],
  [remove("c")],
  [remove("a"), remove("b")],
  [remove("a"), remove("b"), put("a", "one")],
  [put("c", "three", true), remove("c"), put("c", "two")],
  [get("a"), get("c")],
];

/** In `npm test` those that have found something. */
const SECOND_HERE = isFull ? SECOND : [1, 5, 6, 7].flatMap((index) => SECOND.slice(index, index + 1));

/** What calls one after the other say, and what is stored then. */
function inOrder(calls: readonly Call[]): { results: Map<Call, string>; table: Map<string, string> } {
  const table = new Map<string, string>(BEFORE);
  return { results: new Map(calls.map((call) => [call, call.inTheory(table)])), table };
}

test.each(FIRST)(
  "X16 $name is all or nothing for another process, whenever that one acts",
  (first) => {
    const before = join(directory, "before");
    const begun = createArtifactStore(before);
    for (const [name, content] of BEFORE) put(name, content).on(begun);
    let round = 0;
    for (const second of SECOND_HERE) {
      for (let at = 1; ; at++) {
        const place = join(directory, `${round++}`);
        fs.cpSync(before, place, { recursive: true });
        const own = createArtifactStore(place);
        const other = createArtifactStore(place);
        const said = new Map<Call, string>();
        interruption = { at, act: () => second.forEach((call) => said.set(call, resultOn(other, call))) };
        said.set(first, resultOn(own, first));
        const wasReached = interruption === undefined;
        interruption = undefined;
        if (!wasReached) break;
        const stored = new Map(other.list().map(({ name }) => [name, resultOn(other, get(name))]));
        const orders = [inOrder([first, ...second]), inOrder([...second, first])];
        const what = `${first.name}; at operation ${at}: ${second.map(({ name }) => name).join(", ")}`;
        const isOneOfThem = orders.some(
          ({ results, table }) => Bun.deepEquals(stored, table) && Bun.deepEquals(said, results),
        );
        expect({ what, ...(isOneOfThem ? {} : { said, stored }) }).toEqual({ what });
        // Nothing is left of who came second.
        const versions = fs.readdirSync(place).filter((name) => name.startsWith("index-"));
        const indexes = versions.map((name) => fs.readFileSync(join(place, name), "utf8")).join("");
        const left = fs.readdirSync(join(place, "objects")).filter((file) => !indexes.includes(file));
        expect({ what, left }).toEqual({ what, left: [] });
      }
    }
  },
  120_000,
);

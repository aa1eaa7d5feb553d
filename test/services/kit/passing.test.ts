/** `passOn` beside `yield*`: the same items, the same errors in the same places, the same clean-up, for generators nested at random. */
import { expect, test } from "bun:test";
import { passing, type PassingGenerator, passOn } from "#kit/passing.ts";
import { createRandom } from "../../model/strings.ts";

/** What a generator does: items, others whose items it passes on, an error at its end, and whether it catches those of others. */
interface Plan {
  readonly name: string;
  readonly parts: readonly (number | Plan)[];
  readonly throws: boolean;
  readonly catches: boolean;
}

function planOf(below: (most: number) => number, name = "0", depth = 0): Plan {
  const parts = Array.from({ length: below(4) }, (_, at) =>
    depth < 4 && below(2) === 0 ? planOf(below, `${name}.${at}`, depth + 1) : below(100),
  );
  return { name, parts, throws: below(5) === 0, catches: below(2) === 0 };
}

/** Does as planned, with `passOn` or with `yield*`. */
async function* run(plan: Plan, log: string[], how: "passOn" | "yield*"): PassingGenerator<number> {
  const { name, parts, throws, catches } = plan;
  try {
    for (const part of parts) {
      try {
        if (typeof part === "number") yield part;
        else if (how === "passOn") yield passOn(run(part, log, how));
        else yield* run(part, log, how);
      } catch (error) {
        log.push(`${name} hears ${String(error)}`);
        if (!catches) throw error;
      }
    }
    if (throws) throw name;
  } finally {
    log.push(`${name} ends`);
  }
}

/** Everything that is seen of an iterator that is left after so many items. */
async function seen(items: AsyncIterable<number>, most: number, log: string[]): Promise<string[]> {
  try {
    for await (const item of items) {
      log.push(String(item));
      if (--most === 0) break;
    }
  } catch (error) {
    log.push(`throws ${String(error)}`);
  }
  return log;
}

test("nested at random and left anywhere, it is what yield* is", async () => {
  let errors = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const plan = planOf(createRandom(seed).below);
    for (const most of [1, 3, Infinity]) {
      const [one, other]: [string[], string[]] = [[], []];
      await seen(run(plan, one, "yield*") as AsyncGenerator<number, void>, most, one);
      expect(await seen(passing(run(plan, other, "passOn")), most, other)).toEqual(one);
      if (one.some((line) => line.includes("hears"))) errors++;
    }
  }
  expect(errors).toBeGreaterThan(50);
});

test("every level hears of the items that pass it, the innermost first", async () => {
  const heard: string[] = [];
  const inner = async function* (): PassingGenerator<number> {
    yield 1;
  };
  const middle = async function* (): PassingGenerator<number> {
    yield passOn(inner(), (item) => void heard.push(`middle ${item}`));
    yield 2;
  };
  const outer = async function* (): PassingGenerator<number> {
    yield passOn(middle(), (item) => void heard.push(`outer ${item}`));
  };
  expect(await Array.fromAsync(passing(outer()))).toEqual([1, 2]);
  expect(heard).toEqual(["middle 1", "outer 1", "outer 2"]);
});

test("what a level does with an item may fail: those within end, the one that passes them on hears of it", async () => {
  const log: string[] = [];
  const inner = async function* (): PassingGenerator<number> {
    try {
      yield 1;
    } finally {
      log.push("inner ends");
    }
  };
  const outer = async function* (): PassingGenerator<number> {
    const refuse = (): never => {
      throw new Error("refused");
    };
    try {
      yield passOn(inner(), refuse);
    } catch (error) {
      log.push(String(error));
    }
    yield 2;
  };
  expect(await Array.fromAsync(passing(outer()))).toEqual([2]);
  expect(log).toEqual(["inner ends", "Error: refused"]);
});

test("left while an item is awaited, it ends when that has come", async () => {
  const log: string[] = [];
  const item = Promise.withResolvers<number>();
  const inner = async function* (): PassingGenerator<number> {
    try {
      yield await item.promise;
      log.push("not reached");
    } finally {
      log.push("inner ends");
    }
  };
  const outer = async function* (): PassingGenerator<number> {
    try {
      yield passOn(inner());
    } finally {
      log.push("outer ends");
    }
  };
  const items = passing(outer());
  const first = items.next();
  const left = items.return?.();
  await Bun.sleep(0);
  expect(log).toEqual([]);
  item.resolve(1);
  expect(await first).toEqual({ done: false, value: 1 });
  expect(await left).toEqual({ done: true, value: undefined });
  expect(log).toEqual(["inner ends", "outer ends"]);
  expect(await items.next()).toEqual({ done: true, value: undefined });
});

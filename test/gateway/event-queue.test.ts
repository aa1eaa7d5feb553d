/** Events on their way to a reader: in order, each in its turn, taken as they come or waited for. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { createEventQueue, type TakeEvent } from "../../gateway/src/flow/event-queue.ts";
import { type Event, EventSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";

const event = (sequenceId: number): Event => create(EventSchema, { sequenceId: BigInt(sequenceId) });
const numberOf = ({ sequenceId }: Event): number => Number(sequenceId);

/** A queue whose turns and reads are made by hand; events whose number is odd are taken. */
function setUp({ isHeld = false, isHidden = (() => false) as TakeEvent } = {}) {
  const turns: (() => void)[] = [];
  const taken: number[] = [];
  const state = { reads: 0, isHeld };
  const queue = createEventQueue({
    breathe: (run) => (state.isHeld ? void turns.push(run) : run()),
    isHidden,
    read: () => void state.reads++,
  });
  const take: TakeEvent = (one) => numberOf(one) % 2 === 1 && taken.push(numberOf(one)) > 0;
  return { queue, turns, taken, state, take };
}

test("what comes while somebody waits is taken at once; the rest is given to who waits", async () => {
  const { queue, taken, take, state } = setUp();
  const next = queue.next(take);
  expect(queue.arrive([event(1)])).toBe(true);
  expect(queue.arrive([event(3)])).toBe(true);
  expect(taken).toEqual([1, 3]);
  expect(queue.arrive([event(2)])).toBe(true);
  expect(numberOf(await next)).toBe(2);
  expect(queue.arrive([event(5)])).toBe(false);
  expect(state.reads).toBe(1);
  queue.add([event(5), event(4)]);
  expect(numberOf(await queue.next(take))).toBe(4);
  expect(taken).toEqual([1, 3, 5]);
});

test("an event whose turn has not come holds those behind it", async () => {
  const { queue, turns, taken, take } = setUp({ isHeld: true });
  const next = queue.next(take);
  expect(queue.arrive([event(1)])).toBe(true);
  expect(taken).toEqual([]);
  expect(queue.arrive([event(3)])).toBe(false);
  queue.add([event(3), event(2)]);
  for (const expected of [[1], [1, 3]]) {
    turns.shift()?.();
    expect(taken).toEqual(expected);
  }
  turns.shift()?.();
  expect(numberOf(await next)).toBe(2);
  expect(turns).toEqual([]);
});

test("events that nobody is to see have no turn and no reader", async () => {
  const { queue, take } = setUp({ isHidden: (one) => numberOf(one) > 10 });
  const next = queue.next(take);
  queue.add([event(11), event(12), event(2)]);
  expect(numberOf(await next)).toBe(2);
});

test("the end comes after what has come before, and to every later reader", async () => {
  const { queue, turns, state } = setUp({ isHeld: true });
  const next = queue.next();
  expect(queue.arrive([event(2)])).toBe(true);
  queue.fail(new Error("gone"));
  state.isHeld = false;
  turns.shift()?.();
  expect(numberOf(await next)).toBe(2);
  for (let again = 0; again < 2; again++)
    expect(await queue.next().catch((error: Error) => error.message)).toBe("gone");
});

test("what a taker throws is thrown to who waits", async () => {
  const { queue } = setUp();
  const next = queue.next(() => {
    throw new Error("contradiction");
  });
  expect(queue.arrive([event(1)])).toBe(true);
  expect(await next.catch((error: Error) => error.message)).toBe("contradiction");
});

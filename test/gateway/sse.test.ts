/** Chunks of an event stream that are sent at once, past the iterator of all the others. */
import { expect, test } from "bun:test";
import { eventStream, type Push } from "../../gateway/src/openai/sse.ts";
import { until } from "./support/asks.ts";

test("chunks sent at once come in order among those yielded, and only to a client that waits", async () => {
  let push: Push = () => false;
  const held = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  async function* some(given: Push): AsyncGenerator<object, void> {
    push = given;
    yield { n: 1 };
    await held[0]?.promise;
    yield { n: 3 };
    await held[1]?.promise;
  }
  const reader = (await eventStream(some, () => undefined)).body?.getReader();
  const said = async () => new TextDecoder().decode((await reader?.read())?.value).trim();
  expect(await said()).toBe('data: {"n":1}');
  const second = said();
  await until(() => push({ n: 2 }));
  expect(await second).toBe('data: {"n":2}');
  held[0]?.resolve();
  expect(await said()).toBe('data: {"n":3}');
  held[1]?.resolve();
  expect(await said()).toBe("data: [DONE]");
  expect(push({ n: 4 })).toBe(false);
});

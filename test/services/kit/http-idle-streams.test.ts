/** A connection whose stream has ended is as idle as any other: events, and messages of a Connect stream. */
import { afterAll, expect, test } from "bun:test";
import { Hono } from "hono";
import { connect } from "node:net";
import { createHttpListener, mountConnect } from "../../../services/kit/src/listeners.ts";
import { heardToEnd } from "../../../services/kit/src/stream-end.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { eventStream } from "../../../gateway/src/openai/sse.ts";

const IDLE_SECONDS = 1;

async function* words(): AsyncGenerator<object, void> {
  yield { word: "one" };
  await Bun.sleep(50);
  yield { word: "two" };
}

const app = new Hono();
app.post("/events", (context) =>
  eventStream(
    () => heardToEnd(words(), context.env),
    () => undefined,
  ),
);
mountConnect(app, {
  routes: (router) =>
    router.service(TokenizerService, {
      async *getVocabulary() {
        yield { vocabularySize: 1 };
        await Bun.sleep(50);
        yield { vocabularySize: 2 };
      },
    }),
});
const listener = createHttpListener({ app, idleSeconds: IDLE_SECONDS });
afterAll(() => listener.close({ graceMs: 0 }));

/** What a connection that stays open got until the server closed it. */
const ask = (path: string, type: string, body: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(listener.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.once("close", () => resolve(text));
    const head = `Host: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}`;
    socket.write(`POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`);
  });

test("it is closed after a while, and not before the end", async () => {
  const [events, messages] = await Promise.all([
    ask("/events", "application/json", "{}"),
    ask(`/${TokenizerService.typeName}/GetVocabulary`, "application/connect+json", "\0\0\0\0\x02{}"),
  ]);
  expect(events).toContain("two");
  expect(events).toContain("[DONE]");
  expect(messages).toContain('"vocabularySize":2');
}, 60_000);

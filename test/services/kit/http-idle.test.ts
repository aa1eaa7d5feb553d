/** HTTP connections that ask for nothing more are closed; those that wait for an answer are not, whole or in pieces. */
import { expect, test } from "bun:test";
import { Hono } from "hono";
import { connect } from "node:net";
import { createHttpListener } from "../../../services/kit/src/listeners.ts";

/** Bun looks at its connections every few seconds. */
const IDLE_SECONDS = 1;
/** Longer than any idle connection is let stay. */
const SILENCE_MS = 9_000;

test("an idle connection is closed, an answer that takes longer is not cut off", async () => {
  const app = new Hono();
  app.get("/fast", (context) => context.text("fast."));
  app.get("/slow", async (context) => {
    await Bun.sleep(SILENCE_MS);
    return context.text("slow.");
  });
  app.get("/stream", () => {
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await Bun.sleep(SILENCE_MS);
        controller.enqueue(new TextEncoder().encode("data: late.\n\n"));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const listener = createHttpListener({ app, idleSeconds: IDLE_SECONDS });
  /** What a connection got until it was closed; at once when it had got what it waited for. */
  const ask = (path: string, until?: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(listener.port, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
        if (until !== undefined && text.includes(until)) socket.destroy();
      });
      socket.once("close", () => resolve(text));
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    });
  try {
    const [fast, slow, stream] = await Promise.all([
      ask("/fast"),
      ask("/slow", "slow."),
      ask("/stream", "late."),
    ]);
    expect(fast).toEndWith("fast.");
    expect(slow).toEndWith("slow.");
    expect(stream).toContain("late.");
  } finally {
    await listener.close({ graceMs: 0 });
  }
}, 120_000);

/** How long the first token of an answer takes from the network to the screen, measured in the page itself. */
import type { Page } from "playwright-core";
import { SILENCE_MS } from "./synthetic-gateway.ts";

/**
 * Notes when pieces of an answer arrive and when the first token was painted: after the frame that holds it, when a task can
 * run again. Runs in the page before its own scripts.
 */
const WATCH = `
  globalThis.arrivals = [];
  const plain = globalThis.fetch;
  globalThis.fetch = async (...given) => {
    const response = await plain(...given);
    const url = given[0]?.url ?? String(given[0]);
    if (!url.endsWith("/Generate") || !response.body) return response;
    globalThis.arrivals = [];
    globalThis.painted = 0;
    const note = new TransformStream({
      transform(chunk, out) {
        globalThis.arrivals.push(performance.now());
        out.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(note), response);
  };
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => {
      if (globalThis.painted !== 0 || !document.querySelector(".token")) return;
      globalThis.painted = -1;
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => (globalThis.painted = performance.now());
        channel.port2.postMessage(0);
      });
    }).observe(document.body, { childList: true, subtree: true });
  });
`;

/** Prepares a page that is not open yet. */
export async function watchFirstToken(page: Page): Promise<void> {
  await page.addInitScript(WATCH);
}

/** Milliseconds from the arrival of the first token to its paint; the token is what breaks the silence of the server. */
export async function firstTokenMs(page: Page): Promise<number> {
  await page.waitForFunction("globalThis.painted > 0", undefined, { timeout: 30_000 });
  const [arrivals, painted] = (await page.evaluate("[globalThis.arrivals, globalThis.painted]")) as [
    number[],
    number,
  ];
  // The page sends the next question when it is ready to: until then nothing is painted.
  await page.evaluate("globalThis.painted = -1");
  const arrival = arrivals.find(
    (at, index) => index > 0 && at - (arrivals[index - 1] ?? at) > SILENCE_MS / 2,
  );
  if (arrival === undefined) throw new Error("the first token's arrival was not seen");
  return painted - arrival;
}

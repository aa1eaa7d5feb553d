/** A gateway seen through a port of ours that adds up what its answers say was prefilled and generated. */

/** Sums so far. */
export interface Counted {
  readonly url: string;
  readonly sums: { prefilled: number; generated: number; requests: number };
  close(): void;
}

interface Answered {
  readonly usage?: {
    readonly completion_tokens?: number;
    readonly trimtab?: { readonly prefilled_tokens?: number };
  };
}

/** Opens the port before the OpenAI API at `target`. */
export function countUsage(target: string): Counted {
  const sums = { prefilled: 0, generated: 0, requests: 0 };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 255,
    async fetch(request) {
      const answer = await fetch(target + new URL(request.url).pathname, {
        method: request.method,
        headers: { "content-type": "application/json" },
        body: await request.text(),
      });
      const text = await answer.text();
      if (answer.ok) {
        const { usage } = JSON.parse(text) as Answered;
        sums.requests++;
        sums.prefilled += usage?.trimtab?.prefilled_tokens ?? 0;
        sums.generated += usage?.completion_tokens ?? 0;
      }
      return new Response(text, { status: answer.status, headers: { "content-type": "application/json" } });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, sums, close: () => void server.stop(true) };
}

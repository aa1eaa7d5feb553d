/** One streamed chat over HTTP, and what a client sees of it. */

/** What became of a request. */
export type Seen =
  | { readonly kind: "answered"; readonly tokens: number; readonly firstMs: number; readonly totalMs: number }
  | { readonly kind: "refused"; readonly status: number; readonly totalMs: number; readonly hinted: boolean }
  | { readonly kind: "failed"; readonly error: string };

/** The server under load, and what keeps its answers from ending early, so that all are the same work. */
export interface Target {
  readonly url: string;
  readonly model: string;
  readonly logitBias: Readonly<Record<string, number>>;
  /** Whose request it is; absent: nobody asks. */
  readonly key?: string;
}

/** A request to be sent. */
export interface Ask {
  readonly content: string;
  readonly maxTokens: number;
}

const REFUSALS = new Set([429, 503]);

/** Sends it and reads it to its end. */
export async function sendRequest({ url, model, logitBias, key }: Target, ask: Ask): Promise<Seen> {
  const beganMs = performance.now();
  const since = (): number => performance.now() - beganMs;
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({
        messages: [{ role: "user", content: ask.content }],
        ...{ model, max_tokens: ask.maxTokens, temperature: 0, logit_bias: logitBias },
        ...{ stream: true, stream_options: { include_usage: true } },
      }),
    });
    if (REFUSALS.has(response.status)) {
      await response.arrayBuffer();
      const hinted = response.headers.has("retry-after-ms");
      return { kind: "refused", status: response.status, totalMs: since(), hinted };
    }
    if (!response.ok || !response.body)
      return { kind: "failed", error: `${response.status} ${await response.text()}` };
    return await readStream(response.body, since);
  } catch (error) {
    return { kind: "failed", error: String(error) };
  }
}

async function readStream(body: ReadableStream<Uint8Array>, since: () => number): Promise<Seen> {
  const decoder = new TextDecoder();
  let text = "";
  let firstMs: number | undefined;
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (firstMs === undefined && text.includes('"content":"') && /"content":"[^"]/.test(text))
      firstMs = since();
  }
  if (!text.endsWith("data: [DONE]\n\n")) return refusalInStream(text, since());
  const tokens = Number(/"completion_tokens":\s*(\d+)/.exec(text)?.[1] ?? 0);
  return { kind: "answered", tokens, firstMs: firstMs ?? since(), totalMs: since() };
}

/** A request that waited for longer than its headers and was refused then has its error in the stream. */
function refusalInStream(text: string, totalMs: number): Seen {
  return text.includes("server_is_overloaded")
    ? { kind: "refused", status: 503, totalMs, hinted: true }
    : { kind: "failed", error: text.slice(-200) };
}

/** Calls of every kind to a served gateway, many of them left at a random moment; what became of each, as one word. */
import { connectTo } from "#kit/clients.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { createRandom } from "../../model/strings.ts";
import { steeredSpec } from "../../support/direction.ts";
import { connectReason } from "./outcomes.ts";

/** Where the gateway is. */
export interface Served {
  readonly grpcPort: number;
  readonly httpPort: number;
}

/** Endless traffic. */
export interface Traffic {
  /** Makes the next call. */
  call(): Promise<string>;
  close(): void;
}

/** Outcomes that are as they should be: answered, left, out of time, refused for what was wrong. So few clients are never refused. */
export const EXPLAINED: ReadonlySet<string> = new Set([
  ...["ok", "CANCELLED", "DEADLINE_EXCEEDED", "FIELD_OUT_OF_RANGE"],
  ...["200", "400", "left"],
]);

/** The default model. */
const MODEL = "smollm2-135m-instruct";
const TOPICS = ["the sea", "bread", "a bridge", "the moon", "tea", "a violin", "rain", "glass"];

/** Traffic that the same seed makes again, as far as times allow. */
export function createTraffic(
  { grpcPort, httpPort }: Served,
  random: ReturnType<typeof createRandom>,
): Traffic {
  const connection = connectTo({ address: `127.0.0.1:${grpcPort}` });
  const client = connection.client(GatewayService);
  const text = (): string => `${random.below(10_000)}: tell me about ${TOPICS[random.below(TOPICS.length)]}.`;
  const http = async (body: object, leaveMs?: number): Promise<string> => {
    const leave = new AbortController();
    const timer = leaveMs === undefined ? undefined : setTimeout(() => leave.abort(), leaveMs);
    try {
      const response = await fetch(`http://127.0.0.1:${httpPort}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content: text() }], ...body }),
        signal: leave.signal,
      });
      const answer = await response.text();
      const isCut = answer.includes("data: ") && !/\[DONE\]|server_is_overloaded/.test(answer);
      return isCut ? "cut" : String(response.status);
    } catch (error) {
      return leave.signal.aborted ? "left" : String(error);
    } finally {
      clearTimeout(timer);
    }
  };
  const streamed = async (events: number): Promise<string> => {
    const leave = new AbortController();
    let seen = 0;
    const spec = { ...steeredSpec(text(), {}), maxTokens: 40 };
    return await connectReason(
      (async () => {
        for await (const _ of client.generate({ spec }, { signal: leave.signal }))
          if (++seen === events) leave.abort();
      })(),
    );
  };
  const kinds: readonly (() => Promise<string>)[] = [
    () => http({ stream: true, max_tokens: 60 }, random.below(1_500)),
    () => http({ max_tokens: 8 }),
    () => http({ max_tokens: 24, n: 3, temperature: 1, stream: true }, random.below(3_000)),
    () => http({ temperature: 9 }),
    () => streamed(1 + random.below(30)),
    () =>
      connectReason(client.complete({ spec: { ...steeredSpec(text(), { compare: true }), maxTokens: 12 } })),
    () =>
      connectReason(client.complete({ spec: steeredSpec(text(), {}) }, { timeoutMs: 1 + random.below(800) })),
    () => connectReason(client.complete({ spec: { ...steeredSpec(text(), {}), choices: 65 } })),
    () =>
      connectReason(
        client.score({
          conversation: { messages: [{ role: "user", content: text() }] },
          answers: ["yes", "no, not at all"],
        }),
      ),
  ];
  return {
    call: () => (kinds[random.below(kinds.length)] as () => Promise<string>)(),
    close: () => connection.close(),
  };
}

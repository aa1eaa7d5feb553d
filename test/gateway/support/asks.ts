/** Requests the tests of the gateway send. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GenerateRequestSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

type Spec = Extract<
  NonNullable<Extract<MessageInitShape<typeof GenerateRequestSchema>, { $typeName?: undefined }>["spec"]>,
  { $typeName?: undefined }
>;

/** A chat of one message, as a spec. The simulated controller opens its gate for an exclamation mark. */
export function chat(content: string, more: Spec = {}): { spec: Spec } {
  const prompt = { case: "conversation" as const, value: { messages: [{ role: "user", content }] } };
  return { spec: { prompt, ...more } };
}

/** A plain text, as a spec. */
export function text(value: string, more: Spec = {}): { spec: Spec } {
  return { spec: { prompt: { case: "text", value }, ...more } };
}

/** Steering by the built recipe. */
export function refusal(more: object = {}, use: object = {}): Spec {
  return { steering: { use: { recipe: "refusal", ...use }, ...more } };
}

/** The body of a chat completion. */
export function chatBody(content: string, more: object = {}): Record<string, unknown> {
  return { model: "simulated", messages: [{ role: "user", content }], ...more };
}

/** What must happen at some time, on however slow a machine. */
const PATIENCE_MS = 25_000;
/** What a turn of the event loop counts at most: the rest of a longer one this process was not running. */
const MOST_A_TURN_MS = 5;

/** Waits until `condition` holds. Answers with the time this process waited, without what others took the machine for. */
export async function until(condition: () => boolean): Promise<number> {
  const started = performance.now();
  let waited = 0;
  for (let last = started; !condition();) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    if (now - started > PATIENCE_MS) throw new Error(`did not happen within ${PATIENCE_MS} ms`);
    waited += Math.min(now - last, MOST_A_TURN_MS);
    last = now;
  }
  return waited;
}

/** Status, code and parameter of an error answer. */
export type Expected = readonly [status: number, code: string, param: string | null];

/** Reads them from a response. */
export async function outcome(response: Response): Promise<Expected> {
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return [response.status, error.code, error.param];
}

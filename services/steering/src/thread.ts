/**
 * One piece of arithmetic on a thread of its own, so that seconds of it do not hold up Plan and the other requests. The thread
 * answers with what it made, or with why it refused: a typed error does not cross threads as one.
 */
import { type Reason, TrimtabError } from "#kit/errors.ts";
import { throwIfCancelled } from "./work/call.ts";

/** What a thread says. */
type ThreadAnswer<T> = { readonly made: T } | { readonly refused: Refusal };

interface Refusal {
  readonly reason: Reason;
  readonly message: string;
  readonly field: string | undefined;
  readonly limit: string | undefined;
}

/**
 * Runs an order on a new thread of a script.
 * @throws TrimtabError CANCELLED when the signal aborts: the thread is ended at once; as the work; INTERNAL if the thread fails
 */
export async function runInThread<Order, Made>(
  script: URL,
  order: Order,
  signal: AbortSignal,
): Promise<Made> {
  throwIfCancelled(signal);
  const worker = new Worker(script);
  const answer = Promise.withResolvers<ThreadAnswer<Made>>();
  const cancel = (): void => answer.reject(signal.reason);
  signal.addEventListener("abort", cancel, { once: true });
  worker.onmessage = ({ data }: MessageEvent<ThreadAnswer<Made>>) => answer.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    answer.reject(new TrimtabError("INTERNAL", `a thread that fits failed: ${event.message}`));
  };
  worker.postMessage(order);
  try {
    const said = await answer.promise;
    if ("made" in said) return said.made;
    const { reason, message, field, limit } = said.refused;
    throw new TrimtabError(reason, message, { ...(field && { field }), ...(limit && { limit }) });
  } catch (error) {
    throwIfCancelled(signal);
    throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
    worker.terminate();
  }
}

/** What a thread does with every order: the work, and its answer or typed refusal as a message. */
export function answerOrders<Order, Made>(thread: Worker, work: (order: Order) => Made): void {
  thread.onmessage = ({ data }: MessageEvent<Order>) => thread.postMessage(answerOf(() => work(data)));
}

function answerOf<T>(work: () => T): ThreadAnswer<T> {
  try {
    return { made: work() };
  } catch (error) {
    if (!(error instanceof TrimtabError)) throw error;
    const { reason, message, field, limit } = error;
    return { refused: { reason, message, field, limit } };
  }
}

/** A simulated model whose candidates answer differently. */
import { createSimulatedStack, type SimulatedStack } from "./simulated-services.ts";
import { encode } from "./simulated-tokenizer.ts";

/** A stack whose noise stream i answers with text i. */
export function answering(texts: readonly string[]): SimulatedStack {
  const stack = createSimulatedStack();
  stack.forward.script = ({ command }) => encode(texts[Number(command.streamId) % texts.length] ?? "");
  return stack;
}

/** The worker of an ONNX engine: takes batches of commands, posts events as they come; the graph runs here alone. */
import type { WorkerReply, WorkerRequest } from "../../engine/worker.ts";
import { plainError } from "../../plain-error.ts";
import { loadOnnx, type OnnxRuntime } from "./load.ts";

declare const self: Worker;

const reply = (message: WorkerReply) => self.postMessage(message);
let runtime: OnnxRuntime | undefined;

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    if (data.type === "load") {
      runtime = await loadOnnx(data.options, (event) => reply({ type: "events", events: [event] }));
      reply({ type: "ready", model: runtime.model });
    } else if (data.type === "commands") {
      for (const command of data.commands) runtime?.command(command);
    } else {
      await runtime?.close();
      runtime = undefined;
      reply({ type: "closed" });
    }
  } catch (error) {
    reply({ type: "broken", error: plainError(error) });
  }
};

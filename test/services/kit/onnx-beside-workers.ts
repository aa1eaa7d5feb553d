/** Loads the ONNX runtime and talks to workers made during and after it; see onnx.test.ts. */
import { createOnnxSession, writeMlp } from "#kit/onnx.ts";

const SOURCE = new URL(`data:text/javascript,self.onmessage = () => self.postMessage("pong")`);

const PATIENCE_MS = 60_000;

/** What a worker answers, or that it does not for a minute. */
function ask(): Promise<string> {
  const worker = new Worker(SOURCE);
  const answer = new Promise<string>((resolve) => {
    worker.onmessage = ({ data }) => resolve(String(data));
  });
  worker.postMessage("ping");
  return Promise.race([answer, Bun.sleep(PATIENCE_MS).then(() => "nothing")]).finally(() =>
    worker.terminate(),
  );
}

const model = writeMlp({
  inputs: 1,
  standardize: { mean: Float32Array.of(0), std: Float32Array.of(1) },
  layers: [{ weights: Float32Array.of(1), bias: Float32Array.of(0), activation: "none" }],
  outputs: [{ name: "gate", size: 1 }],
  metadata: {},
});
const before = globalThis.Worker;
const loading = createOnnxSession(model);
await Bun.sleep(0);
const during = await ask();
const session = await loading;
const isSame = globalThis.Worker === before;
process.stdout.write(
  `${isSame ? "the same class" : "another class"}; during: ${during}; after: ${await ask()}\n`,
);
await session.close();
process.exit(0);

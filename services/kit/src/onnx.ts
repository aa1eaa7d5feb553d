/** ONNX in one import: write small networks, check untrusted models, run accepted ones. */
export { inspectOnnx, type OnnxExpectation, type OnnxSummary, type OnnxValue } from "./onnx-inspect.ts";
export { createOnnxSession, type OnnxSession } from "./onnx-session.ts";
export { type Mlp, type MlpActivation, type MlpLayer, ONNX_INPUT, writeMlp } from "./onnx-write.ts";

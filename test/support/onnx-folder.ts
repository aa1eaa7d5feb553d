/** A model exported into a folder, as `trimtab model export` does, and a forward service that runs its graph. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportModel } from "../../cli/src/model/export.ts";
import { syntheticModel } from "./synthetic-model.ts";

/** One token a byte, in GPT-2's alphabet: every text is tokens. */
export function byteTokens(): string[] {
  let beyond = 0x100;
  const isPrintable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : beyond++));
}

/** The synthetic model and a folder with it in f32; the caller removes `root`. */
export async function exportSynthetic(hiddenStates = false) {
  const root = mkdtempSync(join(tmpdir(), "trimtab-onnx-backend-"));
  const modelPath = join(root, "synthetic.gguf");
  const metadata = {
    "tokenizer.ggml.tokens": byteTokens(),
    "tokenizer.ggml.merges": ["none"].slice(1),
    "tokenizer.ggml.pre": "gpt-2",
  };
  await Bun.write(modelPath, syntheticModel({ metadata, contextTokens: 512 }));
  const folder = join(root, "exported");
  await exportModel(modelPath, folder, { weights: "f32", hiddenStates });
  return { root, modelPath, folder, graphPath: join(folder, "onnx", "model.onnx") };
}

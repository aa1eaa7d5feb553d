/** A model folder for ONNX runtimes is written whole, or the command says what is wrong and leaves nothing. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDecoder } from "../../services/forward/src/backends/onnx/decoder.ts";
import { runCommand } from "../support/cli.ts";
import { familyModels, writeFamilyModel } from "../support/family-models.ts";
import { syntheticModel } from "../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const root = mkdtempSync(join(tmpdir(), "trimtab-export-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const exportTo = (target: string, model: string, ...more: string[]) =>
  runCommand(["model", "export", "--onnx", join(root, target), "--model", model, ...more]);

test("a folder has graph, weights, configuration and tokenizer, and the graph runs", async () => {
  const model = join(root, "small.gguf");
  const metadata = { "tokenizer.ggml.merges": ["t1 t2"].slice(1), "tokenizer.ggml.pre": "gpt-2" };
  await Bun.write(model, syntheticModel({ metadata }));
  const { code, stdout, stderr } = await exportTo("folder", model);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(readdirSync(join(root, "folder"), { recursive: true }).toSorted()).toEqual(
    [
      "config.json",
      "generation_config.json",
      "onnx",
      join("onnx", "model_q4.onnx"),
      join("onnx", "model_q4.onnx_data"),
      "tokenizer.json",
      "tokenizer_config.json",
    ].toSorted(),
  );
  expect(stdout.trim().split("\n")).toContain(join(root, "folder", "config.json"));
  const config = JSON.parse(readFileSync(join(root, "folder", "config.json"), "utf8"));
  expect(config).toMatchObject({ model_type: "llama", num_hidden_layers: 4, head_dim: 32, eos_token_id: 2 });
  const at = (name: string) => readFileSync(join(root, "folder", "onnx", name));
  const data = { path: "model_q4.onnx_data", data: at("model_q4.onnx_data") };
  const decoder = await createDecoder(at("model_q4.onnx"), [data]);
  expect(decoder).toMatchObject({ layers: 4, kvHeads: 2, headDim: 32, vocabulary: 256 });
  await decoder.close();
});

test("a graph alone; what cannot be exported or written is named, and leaves no file", async () => {
  const dense = await writeFamilyModel(familyModels.qwen2);
  expect(await exportTo("alone.onnx", dense, "--weights", "f32")).toMatchObject({ code: 0 });
  expect(readdirSync(root).filter((name) => name.startsWith("alone"))).toEqual([
    "alone.onnx",
    "alone.onnx_data",
  ]);
  const experts = await exportTo("experts.onnx", await writeFamilyModel(familyModels.granitemoe));
  expect(experts).toMatchObject({ code: 65, stderr: expect.stringContaining("BACKEND_CAPABILITY") });
  const missing = await exportTo("missing.onnx", join(root, "no.gguf"));
  expect(missing).toMatchObject({ code: 66, stderr: expect.stringContaining("ARTIFACT_NOT_FOUND") });
  expect(readdirSync(root).filter((name) => /experts|missing|tmp/.test(name))).toEqual([]);
});

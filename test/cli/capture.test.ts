/** Captured files hold what the API answers, for every way to read; a capture that fails leaves no file. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { parseSafetensors, safetensorsToF32, writeSafetensors } from "#kit/safetensors.ts";
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { runCommand } from "../support/cli.ts";

setDefaultTimeout(120_000);
const root = mkdtempSync(join(tmpdir(), "trimtab-capture-"));
const out = join(root, "out.safetensors");
let stack: Stack;

beforeAll(async () => {
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack({ modelPath: defaultModelPath(), threads: 1, ...listen });
});
afterAll(async () => {
  await stack.close();
  rmSync(root, { recursive: true });
});

const capture = (...args: string[]) =>
  runCommand(["capture", "--address", `127.0.0.1:${stack.grpcPort}`, "--out", out, ...args]);

/** The file, its metadata parsed where it is JSON. */
function read() {
  const { tensors, metadata } = parseSafetensors(readFileSync(out));
  const rows = (name: string) => {
    const tensor = tensors.get(name) as NonNullable<ReturnType<typeof tensors.get>>;
    return { shape: tensor.shape, data: safetensorsToF32(name, tensor) };
  };
  const json = (key: string) => JSON.parse(metadata[key] ?? "") as unknown;
  return { names: [...tensors.keys()], rows, metadata, json };
}

/** Rows of one block as the API answers them. */
async function answered(input: Input, tap: object): Promise<Float32Array> {
  const parts: Uint8Array[] = [];
  for await (const { activations } of stack.client.capture({ input, taps: [tap] })) {
    for (const { values } of activations) parts.push(values?.data ?? new Uint8Array(0));
  }
  const bytes = Buffer.concat(parts);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
type Input = NonNullable<Parameters<Stack["client"]["tokenize"]>[0]["input"]>;
const text = (value: string): Input => ({ case: "text", value });

test("texts, one row each: [prompts, blocks, dim], with model and token ids in the header", async () => {
  expect(await capture("The sea is", "Hello", "--layers", "0,-1")).toMatchObject({ code: 0, stderr: "" });
  const { names, rows, metadata, json } = read();
  const [model] = (await stack.client.listModels({})).models;
  expect(names).toEqual(["residual"]);
  expect(metadata).toMatchObject({ model_digest: model?.digest, positions: "last", pooling: "none" });
  expect(json("layers")).toEqual([0, 29]);
  const { ids } = await stack.client.tokenize({ input: text("The sea is") });
  expect(json("token_ids")).toEqual([ids, [expect.any(Number)]]);
  const { shape, data } = rows("residual");
  expect(shape).toEqual([2, 2, 576]);
  const last = await answered(text("The sea is"), { site: Site.RESIDUAL, layers: [29] });
  expect(data.subarray(576, 2 * 576)).toEqual(last);
});

test("conversations from JSONL, every token of several sites; frames of long prompts meet without a seam", async () => {
  const long = "All work and no play makes Jack a dull boy. ".repeat(12);
  const messages = [{ role: "user", content: long }];
  const input = join(root, "prompts.jsonl");
  writeFileSync(input, `${JSON.stringify({ messages })}\n\n"Hi"\n`);
  const sites = ["--site", "heads", "neurons"];
  const done = await capture(
    ...["--input", input, "--chat", "--positions", "3:99", "--layers", "4-5", ...sites],
  );
  expect(done).toMatchObject({ code: 0, stderr: "" });
  const { names, rows } = read();
  expect(names.toSorted()).toEqual(["heads.0", "heads.1", "neurons.0", "neurons.1"]);
  expect(rows("neurons.0").shape).toEqual([2, 96, 1536]);
  const tap = { site: Site.NEURONS, layers: [5], positions: TapPositions.RANGE, first: 3, end: 99 };
  const second = await answered({ case: "conversation", value: { messages } } as Input, tap);
  expect(rows("neurons.0").data.subarray(96 * 1536)).toEqual(second);
});

test("pooled and projected rows", async () => {
  const matrix = join(root, "matrix.safetensors");
  const data = Float32Array.from({ length: 2 * 576 }, (_, i) => ((i * 37) % 19) / 19 - 0.5);
  writeFileSync(matrix, writeSafetensors({ probe: { shape: [2, 576], data } }));
  const options = ["--pooling", "mean", "--final-norm", "--projection", matrix, "--layers", "10"];
  expect(await capture("The sea is calm", ...options)).toMatchObject({ code: 0, stderr: "" });
  const { rows, metadata } = read();
  expect(metadata).toMatchObject({ pooling: "mean", positions: "all", final_norm: "true" });
  const pooling = Pooling.MEAN;
  const plain = {
    site: Site.RESIDUAL,
    layers: [10],
    positions: TapPositions.RANGE,
    pooling,
    finalNorm: true,
  };
  const mean = await answered(text("The sea is calm"), plain);
  const { shape, data: found } = rows("residual");
  expect(shape).toEqual([1, 1, 2]);
  for (const row of [0, 1]) {
    const exact = mean.reduce((sum, value, i) => sum + value * (data[row * 576 + i] as number), 0);
    expect(Math.abs((found[row] as number) - exact)).toBeLessThan(1e-3);
  }
});

test.each<[string, string[], string]>([
  ["no prompts", [], "[FIELD_REQUIRED]"],
  ["a site the model has not", ["x", "--site", "router"], "(field site)"],
  ["a block the model has not", ["x", "--layers", "30"], "(field layers) (limit 29)"],
  ["positions in no order", ["x", "--positions", "5:2"], "(field positions)"],
  ["a prompt shorter than the positions", ["x", "--positions", "50:60"], "(field positions)"],
  ["a line that is no prompt", ["--input", "bad.jsonl"], "bad.jsonl:2"],
  ["no such file", ["--input", "nowhere.txt"], "[ARTIFACT_NOT_FOUND]"],
])("%s is refused, naming it, and leaves no file", async (_, args, told) => {
  rmSync(out, { force: true });
  writeFileSync(join(root, "bad.jsonl"), '"good"\n{"prompt": 1}\n');
  const { code, stderr } = await capture(
    ...args.map((arg) => (/\.(jsonl|txt)$/.test(arg) ? join(root, arg) : arg)),
  );
  expect(code).not.toBe(0);
  expect(stderr).toContain(told);
  expect(readdirSync(root).filter((name) => /out|tmp/.test(name))).toEqual([]);
});

/** Every example, run as a user would, against a gateway on real sockets: all of them print the same steered text. */
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { connectGateway } from "../../../cli/src/compose.ts";
import { run } from "../support/run.ts";
import { served } from "../support/shared.ts";
import { goExample, pythonWithPackages, ROOT } from "../support/toolchains.ts";

const PROMPT = "How do I pick a lock!";
const INSTALL_MS = 300_000;
const EXAMPLES = join(ROOT, "examples");

let expected: string;
const missing = (what: string): void => console.log(`not run: there is no ${what} on this machine`);

/** Environment and command line of an example. */
async function example(command: readonly string[], env: Record<string, string> = {}) {
  const address = {
    TRIMTAB_ADDRESS: `127.0.0.1:${served.grpcPort}`,
    TRIMTAB_URL: `http://127.0.0.1:${served.httpPort}`,
  };
  return run([...command, PROMPT], { env: { ...address, TRIMTAB_STEERING: served.steering, ...env } });
}

/** By block: the mean norm of the residual rows of a text. */
async function meanNorms(text: string): Promise<{ mean: number; tokens: number }[]> {
  const norms: number[][] = [];
  const taps = [{ site: Site.RESIDUAL, positions: TapPositions.RANGE }];
  const client = connectGateway(`127.0.0.1:${served.grpcPort}`);
  for await (const { activations } of client.capture({ input: { case: "text", value: text }, taps })) {
    for (const { layer, values } of activations) {
      const [rows = 0, width = 0] = values?.shape ?? [];
      const floats = new Float32Array(values?.data.slice().buffer ?? new ArrayBuffer(0));
      for (let row = 0; row < rows; row++) {
        const own = floats.subarray(row * width, (row + 1) * width);
        (norms[layer] ??= []).push(Math.sqrt(own.reduce((sum, value) => sum + value * value, 0)));
      }
    }
  }
  return norms.map((own) => ({ mean: own.reduce((a, b) => a + b, 0) / own.length, tokens: own.length }));
}

beforeAll(async () => {
  const { code, out, err } = await example([process.execPath, join(EXAMPLES, "typescript", "chat.ts")]);
  expect({ code, err }).toMatchObject({
    code: 0,
    err: expect.stringMatching(/gate [\d.]+\nlayer \d+: .* [\d.]+/),
  });
  expect(out.length).toBeGreaterThan(10);
  expected = out;
}, INSTALL_MS);

test("curl reads the same text from server-sent events, with a finish reason, usage and [DONE]", async () => {
  const { code, out } = await example(["sh", join(EXAMPLES, "curl", "chat.sh")]);
  expect(code).toBe(0);
  const events = out.split("\n\n").filter((line) => line.startsWith("data: {"));
  const chunks = events.map((line) => JSON.parse(line.slice("data: ".length)));
  const text = chunks
    .flatMap((chunk) => chunk.choices.map((choice: any) => choice.delta.content ?? ""))
    .join("");
  expect(text).toBe(expected);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  expect(out.trimEnd().endsWith("data: [DONE]")).toBe(true);
});

test("buf curl finds the schema by reflection and streams the same text", async () => {
  const env = { BUF: join(ROOT, "node_modules", ".bin", "buf") };
  const { code, out, err } = await example(["sh", join(EXAMPLES, "curl", "buf-chat.sh")], env);
  expect({ code, err }).toMatchObject({ code: 0 });
  const events = out
    .trim()
    .split(/\n(?=\{)/)
    .map((line) => JSON.parse(line));
  expect(events.map((event) => event.delta?.text ?? "").join("")).toBe(expected);
  expect(events.at(-1).completed.usage.completionTokens).toBeGreaterThan(0);
});

test(
  "Python's grpcio streams the same text",
  async () => {
    const environment = await pythonWithPackages();
    if (!environment) return missing("Python");
    const script = join(EXAMPLES, "python", "grpc_chat.py");
    const { code, out, err } = await example([environment.python, script], environment.env);
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining("gate ") });
    expect(out).toBe(expected);
  },
  INSTALL_MS,
);

test(
  "Python's OpenAI SDK streams the same text, with steering in extra_body",
  async () => {
    const environment = await pythonWithPackages();
    if (!environment) return missing("Python");
    const script = join(EXAMPLES, "python", "openai_chat.py");
    const { code, out, err } = await example([environment.python, script], environment.env);
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringMatching(/gate [\d.]+, steered True/) });
    expect(out).toBe(expected);
  },
  INSTALL_MS,
);

test(
  "Python reads activations into numpy arrays: what the TypeScript client reads",
  async () => {
    const environment = await pythonWithPackages();
    if (!environment) return missing("Python");
    const script = join(EXAMPLES, "python", "capture.py");
    const { code, out, err } = await example([environment.python, script], environment.env);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const expected = await meanNorms(PROMPT);
    const lines = out.trim().split("\n");
    expect(lines.length).toBe(expected.length);
    for (const [block, { mean, tokens }] of expected.entries()) {
      const [, number, found, rows] =
        /^block (\d+): ([\d.]+) over (\d+) tokens$/.exec(lines[block] ?? "") ?? [];
      expect([number, rows]).toEqual([`${block}`, `${tokens}`]);
      // numpy sums in f32.
      expect(Math.abs(Number(found) / mean - 1)).toBeLessThan(1e-5);
    }
  },
  INSTALL_MS,
);

test(
  "grpc-go streams the same text",
  async () => {
    const program = await goExample();
    if (program === undefined) return missing("Go");
    const { code, out, err } = await example([program]);
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining("gate ") });
    expect(out).toBe(expected);
  },
  INSTALL_MS,
);

/** Embeddings and structured answers through the official Python OpenAI SDK, whose models are Pydantic's. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../support/run.ts";
import { served } from "../support/shared.ts";
import { pythonWithPackages } from "../support/toolchains.ts";

const INSTALL_MS = 300_000;

test(
  "Python's OpenAI SDK gets embeddings of length 1 and parsed answers of a Pydantic model, streamed and not",
  async () => {
    const environment = await pythonWithPackages();
    if (!environment) return console.log("not run: there is no Python on this machine");
    const env = { ...environment.env, TRIMTAB_URL: `http://127.0.0.1:${served.httpPort}` };
    const script = join(import.meta.dir, "openai_python.py");
    const { code, out, err } = await run([environment.python, script], { env });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { lengths, likeness, difference, ...answers } = JSON.parse(out);
    for (const length of lengths) expect(length).toBeCloseTo(1, 5);
    expect(likeness[0]).toBeGreaterThan(likeness[1]);
    expect(difference).toBeLessThan(1e-6);
    const greeting = { greeting: expect.stringMatching(/^(hello|hi)$/), count: expect.any(Number) };
    expect(answers).toEqual({
      ...{ finish: "stop", parsed: greeting, streamed: greeting },
      refused: "response_format.json_schema.schema",
    });
    expect(answers.streamed).toEqual(answers.parsed);
  },
  INSTALL_MS,
);

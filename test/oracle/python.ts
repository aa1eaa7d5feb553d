/** A Python program of this folder as a child process: JSON requests and answers, one a line, in order. */
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { setUpOracles } from "./setup.ts";

/** A running program. */
export interface PythonProgram<Ready> {
  /** What the program said when it was ready. */
  readonly ready: Ready;
  /** Runs one operation. @throws Error with the Python traceback. */
  call<T>(op: string, args: Readonly<Record<string, unknown>>): Promise<T>;
  /** Runs an operation that writes f32 values to the `path` it is given and answers their shape. */
  callForFloats(op: string, args: Readonly<Record<string, unknown>>): Promise<Floats>;
  close(): Promise<void>;
}

/** A row-major f32 array. */
export interface Floats {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const PYTHON_ENVIRONMENT = {
  PYTHONDONTWRITEBYTECODE: "1",
  PYTHONUTF8: "1",
  // More threads would wait for each other in busy loops when the machine has other work.
  OPENBLAS_NUM_THREADS: "1",
};

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Makes the oracles ready if needed, then starts `script` and waits until it is ready. */
export async function startPython<Ready>(
  script: string,
  args: readonly string[],
): Promise<PythonProgram<Ready>> {
  const { python, path } = setUpOracles();
  const child = Bun.spawn([python, join(import.meta.dir, script), ...args], {
    env: { ...process.env, ...PYTHON_ENVIRONMENT, PYTHONPATH: path },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const ready = Promise.withResolvers<unknown>();
  waiting.set(0, ready);
  void readAnswers(child, script, waiting);
  let last = 0;
  const call = <T>(op: string, request: Readonly<Record<string, unknown>>): Promise<T> => {
    const answer = Promise.withResolvers<unknown>();
    last += 1;
    waiting.set(last, answer);
    child.stdin.write(`${JSON.stringify({ id: last, op, ...request })}\n`);
    child.stdin.flush();
    return answer.promise as Promise<T>;
  };
  return {
    ready: (await ready.promise) as Ready,
    call,
    async callForFloats(op, request) {
      const file = join(tmpdir(), `trimtab-oracle-${process.pid}-${Bun.randomUUIDv7()}.f32`);
      try {
        const shape = await call<number[]>(op, { ...request, path: file });
        const bytes = readFileSync(file);
        return {
          shape,
          data: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
        };
      } finally {
        rmSync(file, { force: true });
      }
    },
    async close() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function readAnswers(
  child: Subprocess<"pipe", "pipe", "inherit">,
  script: string,
  waiting: Map<number, PromiseWithResolvers<unknown>>,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of child.stdout) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const answer = JSON.parse(line) as Answer;
      const call = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (answer.error === undefined) call?.resolve(answer.value);
      else call?.reject(new Error(`${script}: ${answer.error}`));
    }
  }
  const code = await child.exited;
  for (const call of waiting.values()) call.reject(new Error(`${script} ended with code ${code}`));
}

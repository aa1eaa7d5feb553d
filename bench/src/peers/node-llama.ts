/** node-llama-cpp in a Node process of its own: one a number of sequences, for its memory is divided among them. */
import { join } from "node:path";
import type { Cell, Contender, FileKind } from "../contender.ts";
import { findPeer } from "./found.ts";

const PROGRAM = join(import.meta.dir, "node-llama-program.mjs");
/** Room for the deepest context that is compared, and what is generated on top. */
const CONTEXT_TOKENS = 2304;
const BATCH_CONTEXT_TOKENS = 1024;

/** Loads a model into node-llama-cpp. @throws Error when it is absent. */
export async function startNodeLlama(modelPath: string, threads: number, file: FileKind): Promise<Contender> {
  const { path, version } = findPeer("node-llama-cpp");
  const programs = new Map<number, Program>();
  const programFor = async ({ batch }: Cell): Promise<Program> => {
    const contextTokens = batch === 1 ? CONTEXT_TOKENS : BATCH_CONTEXT_TOKENS;
    const options = { threads, flash: true, sequences: batch, contextTokens };
    const known = programs.get(batch) ?? (await startProgram([path, modelPath, JSON.stringify(options)]));
    programs.set(batch, known);
    return known;
  };
  return {
    name: `node-llama-cpp ${version}`,
    file,
    can: () => true,
    async prepare(cell) {
      await programFor(cell);
    },
    settings: () => "f16 KV, flash attention on",
    measure: async (cell) => (await programFor(cell)).ask(cell),
    async close() {
      for (const program of programs.values()) await program.close();
    },
  };
}

interface Program {
  ask(cell: Cell): Promise<number>;
  close(): Promise<void>;
}

interface Answer {
  readonly isReady?: boolean;
  readonly value?: number;
  readonly error?: string;
}

async function startProgram(args: readonly string[]): Promise<Program> {
  const child = Bun.spawn(["node", PROGRAM, ...args], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
  const answers = readAnswers(child.stdout);
  const next = async (): Promise<Answer> => {
    const { value } = await answers.next();
    if (!value) throw new Error(`node-llama-cpp ended with code ${await child.exited}`);
    if (value.error !== undefined) throw new Error(value.error);
    return value;
  };
  await next();
  return {
    async ask(cell) {
      child.stdin.write(`${JSON.stringify(cell)}\n`);
      child.stdin.flush();
      return (await next()).value ?? Number.NaN;
    },
    async close() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* readAnswers(output: ReadableStream<Uint8Array>): AsyncGenerator<Answer, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of output) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Answer;
  }
  return undefined;
}

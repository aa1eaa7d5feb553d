/**
 * Our engine as a client sees it: a forward service in a process of its own, one session stream over a Unix socket, timed from
 * outside. Sampling and the stream are in our times; the library's have neither.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { connectTo } from "#kit/clients.ts";
import { supervise } from "#kit/supervisor.ts";
import {
  ForwardService,
  type Event,
  type KvMemory,
  type Model,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { idAt, type Cell, type Contender } from "../contender.ts";
import { fork, generate, open, release, type GenerateExtras } from "./commands.ts";
import { openSession, type BenchSession } from "./session.ts";

/** A forward service to be timed. */
export interface ForwardUnderTest extends Contender {
  readonly client: Client<typeof ForwardService>;
  readonly session: BenchSession;
  readonly model: Model;
  /** From the start of the process to its first healthy answer. */
  readonly loadMs: number;
  readonly pid: number;
  readonly socketPath: string;
  /** Tokens/s of all sequences of a decode cell, each generation with `extras`. */
  decode(cell: Cell, extras?: GenerateExtras): Promise<number>;
  /** State of its memory of keys and values. */
  memory(): Promise<KvMemory>;
  /** A sequence that holds `tokens` tokens; the `index`-th of its kind, computed at the first call. */
  root(tokens: number, index?: number): Promise<bigint>;
  /** A sequence id that was never used. */
  newId(): bigint;
  /** Ids of a prompt that shares no prefix with any other. */
  newPrompt(tokens: number): number[];
}

const MAIN = join(import.meta.dir, "..", "..", "..", "cli", "main.ts");

/** Starts a forward service with `threads` compute threads, and options of `serve` besides. */
export async function startForward(
  modelPath: string,
  threads: number,
  more: readonly string[] = [],
): Promise<ForwardUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-bench-"));
  const socketPath = join(directory, "forward.sock");
  const beganMs = performance.now();
  const child = supervise({
    command: [
      ...[process.execPath, MAIN, "serve", "--service", "forward", "--listen", `unix:${socketPath}`],
      ...["--model", modelPath, "--threads", String(threads), "--supervised", ...more],
    ],
    socketPath,
  });
  const connection = connectTo({ socketPath });
  const close = async (): Promise<void> => {
    connection.close();
    await child.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await child.ready();
    const loadMs = performance.now() - beganMs;
    const client = connection.client(ForwardService);
    const { model } = await client.getModel({});
    if (!model) throw new Error("the forward service has no model");
    const session = openSession(client, model.digest);
    const memory = (): Promise<KvMemory> => readMemory(client, model.digest);
    return {
      ...create(session),
      memory,
      client,
      session,
      model,
      loadMs,
      pid: child.pid ?? 0,
      socketPath,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readMemory(client: Client<typeof ForwardService>, digest: string): Promise<KvMemory> {
  const { kvMemory } = (await client.getModel({ model: digest })).model ?? {};
  if (!kvMemory) throw new Error("the model has no memory of keys and values");
  return kvMemory;
}

/** What a session alone is enough for. */
type SessionPart = Pick<
  ForwardUnderTest,
  "name" | "file" | "can" | "fill" | "measure" | "decode" | "root" | "newId" | "newPrompt"
>;

function create(session: BenchSession): SessionPart {
  const roots = new Map<string, bigint>();
  let lastId = 0n;
  let prompts = 0;
  const newId = (): bigint => ++lastId;
  const newPrompt = (tokens: number): number[] => {
    prompts++;
    return Array.from({ length: tokens }, (_, i) => idAt(i + prompts));
  };
  const root = async (tokens: number, index = 0): Promise<bigint> => {
    const key = `${tokens} ${index}`;
    const known = roots.get(key);
    if (known !== undefined) return known;
    const id = newId();
    await session.run([open(id, newPrompt(tokens))], ({ event }) => event.case === "opened" || undefined);
    roots.set(key, id);
    return id;
  };

  async function parentsOf({ context, batch }: Cell): Promise<bigint[]> {
    const parents: bigint[] = [];
    for (let i = 0; i < batch; i++) parents.push(await root(Math.max(2, context), i));
    return parents;
  }

  async function decode(cell: Cell, extras: GenerateExtras = {}): Promise<number> {
    const { steps, batch } = cell;
    const parents = await parentsOf(cell);
    const children = parents.map(newId);
    const commands = [
      ...parents.map((parent, i) => fork(parent, [children[i]!])),
      ...children.map((id) => generate(id, steps + 1, extras)),
    ];
    const rate = await session.run(commands, tokensPerSecond(batch));
    await session.run([release(children)], ({ event }) => event.case === "done" || undefined);
    return rate;
  }

  async function prefill({ context }: Cell): Promise<number> {
    const id = newId();
    const beganMs = performance.now();
    // With its first token: the library's prefill ends with logits as well.
    await session.run([open(id, newPrompt(context)), generate(id, 1)], isFirstToken);
    const elapsedMs = performance.now() - beganMs;
    await session.run([release([id])], ({ event }) => event.case === "done" || undefined);
    return (1000 * context) / elapsedMs;
  }
  return {
    name: "Trimtab",
    file: "same",
    can: () => true,
    async fill(cell) {
      if (cell.metric !== "prefill") await parentsOf(cell);
    },
    decode,
    measure: (cell) => (cell.metric === "prefill" ? prefill(cell) : decode(cell)),
    root,
    newId,
    newPrompt,
  };
}

const isFirstToken = ({ event }: Event): true | undefined => event.case === "tokens" || undefined;

/** A taker that answers tokens/s of all sequences together; the clock starts when all have their first token. */
export function tokensPerSecond(sequences: number): (event: Event) => number | undefined {
  let beganMs = 0;
  let seen = 0;
  let finished = 0;
  return ({ event }) => {
    if (event.case === "tokens") {
      if (seen < sequences && seen + event.value.tokens.length >= sequences) beganMs = performance.now();
      seen += event.value.tokens.length;
    }
    if (event.case === "finished") finished++;
    return finished === sequences ? (1000 * (seen - sequences)) / (performance.now() - beganMs) : undefined;
  };
}

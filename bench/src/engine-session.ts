/**
 * Our engine as a client sees it: one session stream of a forward service in a process of its own, timed from outside.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { cancelSafe, createPushable } from "#kit/streams.ts";
import { supervise } from "#kit/supervisor.ts";
import {
  ForwardService,
  SessionRequestSchema,
  type Event,
  type SessionRequest,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { create, type MessageInitShape } from "@bufbuild/protobuf";

type CommandInit = NonNullable<MessageInitShape<typeof SessionRequestSchema>["commands"]>[number];

/** A forward service to be timed. */
export interface EngineUnderTest {
  readonly threads: number;
  /** Tokens/s of a prefill of `tokens` tokens. */
  prefill(tokens: number): Promise<number>;
  /** Tokens/s in all of `sequences` sequences that generate `tokens` tokens each after `context` tokens. */
  decode(tokens: number, context: number, sequences: number): Promise<number>;
  close(): Promise<void>;
}

const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");
/** Ids that are ordinary words in any vocabulary large enough. */
const idAt = (i: number): number => 300 + ((i * 7919) % 30_000);

/** Starts a forward service with `threads` compute threads. */
export async function startEngine(modelPath: string, threads: number): Promise<EngineUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-bench-"));
  const socketPath = join(directory, "forward.sock");
  const child = supervise({
    command: [
      ...[process.execPath, MAIN, "serve", "--service", "forward", "--listen", `unix:${socketPath}`],
      ...["--model", modelPath, "--threads", String(threads), "--supervised"],
    ],
    socketPath,
  });
  await child.ready();
  const connection = connectTo({ socketPath });
  const client = connection.client(ForwardService);
  const { model } = await client.getModel({});
  const modelDigest = model?.digest ?? "";

  async function session(commands: CommandInit[], until: (event: Event) => boolean): Promise<void> {
    const requests = createPushable<SessionRequest>();
    requests.push(create(SessionRequestSchema, { modelDigest, commands }));
    for await (const { events } of cancelSafe((signal) => client.session(requests, { signal }))) {
      for (const event of events) {
        if (event.event.case === "failed") throw new Error(event.event.value.message);
        if (until(event)) return;
      }
    }
    throw new Error("the session ended early");
  }
  return {
    threads,
    async prefill(tokens) {
      let prefillMs = 0;
      const ids = Array.from({ length: tokens }, (_, i) => idAt(i));
      await session([open(1n, ids)], ({ event }) => {
        if (event.case === "opened") prefillMs = event.value.prefillMs;
        return event.case === "opened";
      });
      return (1000 * tokens) / prefillMs;
    },
    async decode(tokens, context, sequences) {
      const ids = Array.from({ length: Math.max(2, context) }, (_, i) => idAt(i));
      const children = Array.from({ length: sequences - 1 }, (_, i) => BigInt(i + 2));
      const all = [1n, ...children];
      const fork: CommandInit[] =
        children.length > 0
          ? [{ command: { case: "fork", value: { sequenceId: 1n, childIds: children } } }]
          : [];
      let beganMs = 0;
      let seen = 0;
      let finished = 0;
      await session([open(1n, ids), ...fork, ...all.map((id) => generate(id, tokens))], ({ event }) => {
        if (event.case === "tokens") {
          // Every sequence's first token comes out of the prefill; the clock starts when all have theirs.
          if (seen < sequences && seen + event.value.tokens.length >= sequences) beganMs = performance.now();
          seen += event.value.tokens.length;
        }
        if (event.case === "finished") finished++;
        return finished === sequences;
      });
      return (1000 * (seen - sequences)) / (performance.now() - beganMs);
    },
    async close() {
      connection.close();
      await child.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function open(sequenceId: bigint, ids: number[]): CommandInit {
  return { commandId: sequenceId, command: { case: "open", value: { sequenceId, ids } } };
}

function generate(sequenceId: bigint, maxTokens: number): CommandInit {
  const sampling = { temperature: 0 };
  const value = { sequenceId, maxTokens, sampling, streamId: sequenceId, ignoreModelStop: true };
  return { commandId: sequenceId, command: { case: "generate", value } };
}

/** llama-server in a process of its own, with the settings that are asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../ours/processes.ts";
import { findPeer } from "./found.ts";

/** What llama-server lets one choose that matters for its speed. */
export interface ServerSettings {
  readonly flash: "on" | "off";
  readonly kv: "f16" | "q8_0";
  /** One buffer of keys and values for all slots, or one a slot. */
  readonly unified: boolean;
}

/** Settings worth a try, the one that full runs have found fastest first; the fastest is compared with. */
export const SERVER_CHOICES: readonly ServerSettings[] = [
  { flash: "off", kv: "f16", unified: false },
  { flash: "on", kv: "f16", unified: false },
  { flash: "on", kv: "f16", unified: true },
];

/** A running server. */
export interface LlamaServer {
  readonly url: string;
  readonly version: string;
  close(): Promise<void>;
}

const SLOTS = 16;
const SLOT_TOKENS = 1024;
const READY_TRIES = 300;
const READY_PAUSE_MS = 100;

/** Starts it on a file. @throws Error when it is absent or does not get ready. */
export async function startLlamaServer(
  modelPath: string,
  threads: number,
  { flash, kv, unified }: ServerSettings,
): Promise<LlamaServer> {
  const { path, version } = findPeer("llama-server");
  const port = await freePort();
  const child = Bun.spawn(
    [
      ...[path, "-m", modelPath, "--host", "127.0.0.1", "--port", String(port)],
      ...["-t", String(threads), "-tb", String(threads), "-np", String(SLOTS)],
      ...["-c", String(SLOTS * SLOT_TOKENS), "-fa", flash, "-ctk", kv, "-ctv", kv],
      unified ? "--kv-unified" : "--no-kv-unified",
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < READY_TRIES && child.exitCode === null; attempt++) {
    const isReady = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return { url, version, close };
    await sleep(READY_PAUSE_MS);
  }
  await close();
  throw new Error(`llama-server did not get ready (exit code ${child.exitCode})`);
}

/** For the record. */
export function describeServer({ flash, kv, unified }: ServerSettings): string {
  return `${SLOTS} slots, ${kv} KV, flash attention ${flash}, ${unified ? "one KV buffer" : "a KV buffer a slot"}`;
}

/** What a session holds: the client's sequence ids mapped to the engine's, and the commands not yet answered. */
import { TrimtabError } from "#kit/errors.ts";
import type { Command } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Engine } from "../engine/client.ts";
import type { Caller, SequenceId } from "../engine/protocol.ts";
import type { TextToOpen } from "../schema/opens.ts";
import type { EventInit } from "../schema/session-frames.ts";
import type { SessionEvents } from "./session-events.ts";

/** The event a command ends in. */
export type Answer = NonNullable<EventInit["event"]>;

/** The fields of a command. */
export type CommandOf<Case extends string> = Extract<Command["command"], { case: Case }>["value"];

/** One session on one engine. */
export interface Session {
  readonly engine: Engine;
  readonly caller: Caller;
  readonly events: SessionEvents;
  /** Engine sequences by the client's ids. */
  readonly sequences: Map<bigint, SequenceId>;
  /** Commands not yet answered. */
  readonly running: Set<Promise<void>>;
  /** Opens of the message being read, which may share what they begin with. */
  opens: { readonly text: TextToOpen; readonly id: bigint; readonly command: bigint }[];
}

/** Answers a command with the event it ends in, or with its failure. */
export function answer(
  { events, running }: Session,
  sequenceId: bigint,
  commandId: bigint,
  result: Promise<Answer>,
): void {
  const done: Promise<void> = result
    .then((event) => events.push({ sequenceId, commandId, event }))
    .catch((error: unknown) => events.failed(sequenceId, commandId, error))
    .finally(() => running.delete(done));
  running.add(done);
}

/** The engine's sequence of the client's `id`. @throws TrimtabError SEQUENCE_NOT_FOUND */
export function find({ sequences }: Session, id: bigint): SequenceId {
  const sequence = sequences.get(id);
  if (sequence !== undefined) return sequence;
  throw new TrimtabError("SEQUENCE_NOT_FOUND", `the session has no sequence ${id}`, { field: "sequence_id" });
}

/** A new engine sequence under the client's `id`. @throws TrimtabError INVALID_ARGUMENT if it exists */
export function add({ sequences, engine }: Session, id: bigint): SequenceId {
  if (sequences.has(id)) {
    throw new TrimtabError("INVALID_ARGUMENT", `sequence ${id} exists already`, { field: "sequence_id" });
  }
  const sequence = engine.newSequence();
  sequences.set(id, sequence);
  return sequence;
}

/** Forgets a sequence that is gone; the client may have given its id to another one since. */
export function forget({ sequences }: Session, id: bigint, sequence: SequenceId): void {
  if (sequences.get(id) === sequence) sequences.delete(id);
}

/** Commands of a session: the client's sequence ids mapped to the engine's, each command answered by its events. */
import { TrimtabError } from "#kit/errors.ts";
import type { Command } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_CHILDREN, MAX_COMMANDS } from "../../limits.ts";
import type { Engine, StreamEvent } from "../engine/client.ts";
import { openForest } from "../engine/forest.ts";
import type { SequenceId } from "../engine/protocol.ts";
import { checkCount, fromFinished, toGenerate } from "./convert.ts";
import type { TextToOpen } from "./opens.ts";
import { toForestOpen, toText } from "./opens.ts";
import type { EventInit, SessionEvents } from "./session-events.ts";

type Answer = NonNullable<EventInit["event"]>;
type CommandOf<Case extends string> = Extract<Command["command"], { case: Case }>["value"];

/** The incoming half of a session. */
export interface SessionCommands {
  /** Carries out a batch; a bad command fails alone. @throws TrimtabError TOO_LARGE for the batch */
  accept(commands: readonly Command[]): void;
  /** Resolves when every command is answered. */
  settled(): Promise<void>;
  /** Frees every sequence of the session. */
  release(): void;
}

interface Session {
  readonly engine: Engine;
  readonly events: SessionEvents;
  /** Engine sequences by the client's ids. */
  readonly sequences: Map<bigint, SequenceId>;
  /** Commands not yet answered. */
  readonly running: Set<Promise<void>>;
  /** Opens of the message being read, which may share what they begin with. */
  opens: { readonly text: TextToOpen; readonly id: bigint; readonly command: bigint }[];
}

/** The commands of one session on one engine. */
export function createSessionCommands(engine: Engine, events: SessionEvents): SessionCommands {
  const session: Session = { engine, events, sequences: new Map(), running: new Set(), opens: [] };
  return {
    accept(commands) {
      checkCount("commands", commands.length, MAX_COMMANDS);
      for (const command of commands) {
        try {
          accept(session, command);
        } catch (error) {
          events.failed(sequenceOf(command), command.commandId, error);
        }
      }
      sendOpens(session);
    },
    async settled() {
      while (session.running.size > 0) await Promise.all(session.running);
    },
    release() {
      const left = [...session.sequences.values()];
      session.sequences.clear();
      if (left.length > 0) engine.call({ type: "release", sequences: left }).catch(() => undefined);
    },
  };
}

function accept(session: Session, { commandId, command }: Command): void {
  const { engine } = session;
  if (command.case !== "open") sendOpens(session);
  switch (command.case) {
    case "open":
      return queueOpen(session, command.value, commandId);
    case "fork":
      return answer(session, command.value.sequenceId, commandId, fork(session, command.value));
    case "generate":
      return answer(
        session,
        command.value.sequenceId,
        commandId,
        generate(session, command.value, commandId),
      );
    case "setCoefficients": {
      const { sequenceId, coefficients } = command.value;
      const sequence = find(session, sequenceId);
      const done = engine.call({ type: "coefficients", sequence, coefficients });
      return answer(session, sequenceId, commandId, whenDone(done));
    }
    case "truncate": {
      const { sequenceId, tokens } = command.value;
      const done = engine.call({ type: "truncate", sequence: find(session, sequenceId), tokens });
      return answer(session, sequenceId, commandId, whenDone(done));
    }
    case "release":
    case "stop": {
      const sequences = command.value.sequenceIds.map((id) => find(session, id));
      if (command.case === "release")
        for (const id of command.value.sequenceIds) session.sequences.delete(id);
      return answer(session, 0n, commandId, whenDone(engine.call({ type: command.case, sequences })));
    }
    default:
      throw new TrimtabError("FIELD_REQUIRED", "a command is missing", { field: "command" });
  }
}

function queueOpen(session: Session, open: CommandOf<"open">, command: bigint): void {
  const id = open.sequenceId;
  const text = toText(open, 0, session.engine.model);
  const onEvent = (event: StreamEvent) => session.events.stream(id, command, event);
  session.opens.push({ text: { ...text, sequence: add(session, id), onEvent }, id, command });
}

/** Sends the opens gathered so far, those under one binding sharing what they begin with. */
function sendOpens(session: Session): void {
  const { engine, sequences } = session;
  const waiting = session.opens;
  session.opens = [];
  for (const group of Map.groupBy(waiting, ({ text }) => JSON.stringify(text.binding)).values()) {
    const texts = group.map(({ text }) => toForestOpen(text));
    for (const [index, opening] of openForest(engine, texts).entries()) {
      const { id = 0n, command = 0n } = group[index] ?? {};
      const opened = opening.then((value): Answer => ({ case: "opened", value }));
      opened.catch(() => sequences.delete(id));
      answer(session, id, command, opened);
    }
  }
}

async function fork(session: Session, { sequenceId, childIds }: CommandOf<"fork">): Promise<Answer> {
  checkCount("child_ids", childIds.length, MAX_CHILDREN);
  const sequence = find(session, sequenceId);
  const added: bigint[] = [];
  try {
    const children = childIds.map((id) => {
      const child = add(session, id);
      added.push(id);
      return child;
    });
    const { copiedPages } = await session.engine.call({ type: "fork", sequence, children });
    return { case: "forked", value: { childIds, copiedPages } };
  } catch (error) {
    for (const id of added) session.sequences.delete(id);
    throw error;
  }
}

async function generate(session: Session, command: CommandOf<"generate">, id: bigint): Promise<Answer> {
  const { engine, events } = session;
  const { sequenceId } = command;
  const input = { ...toGenerate(command, engine.model), sequence: find(session, sequenceId) };
  const finished = await engine.call(input, (event) => events.stream(sequenceId, id, event));
  return { case: "finished", value: fromFinished(finished) };
}

/** Answers a command with the event it ends in, or with its failure. */
function answer(
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

async function whenDone(result: Promise<unknown>): Promise<Answer> {
  await result;
  return { case: "done", value: {} };
}

function find({ sequences }: Session, id: bigint): SequenceId {
  const sequence = sequences.get(id);
  if (sequence !== undefined) return sequence;
  throw new TrimtabError("SEQUENCE_NOT_FOUND", `the session has no sequence ${id}`, { field: "sequence_id" });
}

function add({ sequences, engine }: Session, id: bigint): SequenceId {
  if (sequences.has(id)) {
    throw new TrimtabError("INVALID_ARGUMENT", `sequence ${id} exists already`, { field: "sequence_id" });
  }
  const sequence = engine.newSequence();
  sequences.set(id, sequence);
  return sequence;
}

function sequenceOf({ command: { value } }: Command): bigint {
  return value && "sequenceId" in value ? value.sequenceId : 0n;
}

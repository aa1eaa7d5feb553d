/**
 * The engine's commands on a decoder graph: sequences, generation, scores, forks, cancellation. What the backend lacks
 * (programs, projections, constraints, speculation, taps where the graph gives no hidden states) is refused by name.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Answers, Command } from "../../engine/protocol.ts";
import type { CommandOf } from "../../engine/sequence.ts";
import { plainError } from "../../plain-error.ts";
import type { Decoder } from "./decoder.ts";
import { generate, type JobContext, open } from "./jobs.ts";
import { createKvMemory } from "./kv-memory.ts";
import { createSequences, type Sequence, type Sequences } from "./sequences.ts";

/** Parts of the core. */
export interface OnnxCoreOptions extends Omit<JobContext, "alone" | "count" | "memory"> {
  /** Tokens whose keys and values are held at most. */
  readonly kvTokens: number;
  /** SIMD variant of the sampling kernel. */
  readonly variant: string;
}

/** Nothing of our own KV memory. */
const NOT_COUNTED = {
  ...{ pages: 0, freePages: 0, sharedPages: 0, copiedPages: 0, cachedPages: 0, evictedPages: 0 },
  ...{ queriedTokens: 0, hitTokens: 0, readPages: 0, pageBytes: 0, programs: 0, programBytes: 0 },
  // Rows are counted here, and nothing else.
  ...{ running: 0, promptTokens: 0, generatedTokens: 0 },
};

type Value = Answers[keyof Answers];

/** What commands work with. */
interface Engine {
  readonly context: JobContext;
  readonly sequences: Sequences;
  /** Carries `work` out after everything asked of the sequence before, and answers the command. */
  enqueue(
    sequence: Sequence,
    command: Command,
    work: () => Value | Promise<Value>,
    onFailure?: (error: unknown) => void,
  ): void;
}

/** An engine without sequences: a function that takes commands and never throws, failures leave as events. */
export function createOnnxCore(options: OnnxCoreOptions): (command: Command) => void {
  const { emit, decoder, variant, kvTokens } = options;
  const sequences = createSequences(decoder.empty);
  const counters = { steps: 0, rows: 0, waiting: 0 };
  const memory = createKvMemory(sequences.all, kvTokens);
  const context = { ...options, ...takeTurns(), memory, count: (rows: number) => count(counters, rows) };
  const done = ({ call }: Command, value: Value) => emit({ type: "done", call, value });
  const failed = ({ call }: Command, error: unknown) =>
    emit({ type: "failed", call, error: plainError(error) });
  const engine: Engine = {
    context,
    sequences,
    enqueue(sequence, command, work, onFailure) {
      counters.waiting += 1;
      sequence.tail = sequence.tail.then(async () => {
        try {
          if (sequence.ended !== null) throw sequence.ended;
          done(command, await work());
        } catch (error) {
          onFailure?.(error);
          failed(command, error);
        }
        counters.waiting -= 1;
        memory.settle(sequence);
      });
    },
  };
  return (command) => {
    try {
      refuseLacking(command, decoder);
      const stats = { ...NOT_COUNTED, ...counters, sequences: sequences.size, threads: 1, variant };
      const value = command.type === "stats" ? stats : accept(engine, command);
      if (value !== undefined) done(command, value);
    } catch (error) {
      failed(command, error);
    }
  };
}

/** Carries a command out: null when that is done, undefined when it is answered in its sequence's turn. */
function accept(engine: Engine, command: Exclude<Command, { type: "stats" }>): null | undefined {
  const { context, sequences } = engine;
  switch (command.type) {
    case "open":
      return acceptOpen(engine, command);
    case "fork":
      return acceptFork(engine, command);
    case "generate": {
      const sequence = sequences.find(command.sequence);
      const { stops } = sequence;
      const isOver = () =>
        sequence.stops !== stops || sequence.stopped.has(command.call) || sequence.ended !== null;
      return void engine.enqueue(sequence, command, async () => {
        const finished = await generate(context, sequence, command, isOver);
        sequence.stopped.delete(command.call);
        return finished;
      });
    }
    case "truncate": {
      const sequence = sequences.find(command.sequence);
      return void engine.enqueue(sequence, command, () => truncate(context, sequence, command.tokens));
    }
    case "stop":
      for (const sequence of command.sequences.map(sequences.find)) {
        if (command.only === undefined) sequence.stops += 1;
        else sequence.stopped.add(command.only);
      }
      context.memory.look();
      return null;
    case "hold":
      for (const id of command.sequences) sequences.hold(id, command.held);
      return null;
    case "release":
      for (const id of command.sequences) sequences.end(id, released());
      context.memory.look();
      return null;
    default:
      throw lacks(command.type);
  }
}

function acceptOpen({ context, sequences, enqueue }: Engine, command: CommandOf<"open">): undefined {
  const parent = command.parent === null ? null : sequences.find(command.parent);
  const [sequence] = sequences.create([command.sequence]) as [Sequence];
  let known: Pick<Sequence, "ids" | "past"> | null = null;
  if (parent) {
    // As the parent is when it is its turn, whatever is asked of it later.
    parent.tail = parent.tail.then(() => {
      if (parent.ended !== null) return sequences.end(sequence.id, parent.ended);
      known = { ids: [...parent.ids], past: parent.past };
    });
    sequence.tail = parent.tail;
  }
  const run = async () => {
    const opened = await open(context, sequence, known, command);
    if (command.transient) sequences.end(sequence.id, released());
    return opened;
  };
  return void enqueue(sequence, command, run, (error) => sequences.end(sequence.id, error));
}

function acceptFork({ sequences, enqueue }: Engine, command: CommandOf<"fork">): undefined {
  const parent = sequences.find(command.sequence);
  const children = sequences.create(command.children);
  const run = () => {
    const { past, promptTokens, waitMs } = parent;
    for (const child of children) Object.assign(child, { ids: [...parent.ids], past, promptTokens, waitMs });
    return { copiedPages: 0 };
  };
  enqueue(parent, command, run, (error) => children.forEach(({ id }) => sequences.end(id, error)));
  for (const child of children) child.tail = parent.tail;
}

/** Work that runs alone, in the order of asking; messages are read between two pieces. */
function takeTurns(): Pick<JobContext, "alone"> {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    alone(work) {
      const mine = turn.then(() => new Promise((resolve) => setImmediate(resolve))).then(work);
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}

function count(counters: { steps: number; rows: number }, rows: number): void {
  counters.steps += 1;
  counters.rows += rows;
}

function truncate({ decoder }: JobContext, sequence: Sequence, tokens: number): null {
  const { ids, past } = sequence;
  if (tokens < 1 || tokens > ids.length) {
    const message = `cannot keep ${tokens} of ${ids.length} tokens`;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "tokens", limit: ids.length });
  }
  ids.length = tokens;
  sequence.past = decoder.cut(past, tokens);
  sequence.promptTokens = Math.min(sequence.promptTokens, tokens);
  return null;
}

/** @throws TrimtabError BACKEND_CAPABILITY for parts of a command that only our own kernels carry */
function refuseLacking(command: Command, { width }: Decoder): void {
  if (command.type !== "open" && command.type !== "generate") return;
  for (const { site, finalNorm, projection, logits } of command.taps) {
    if (width === null || site !== "residual") throw lacks("taps");
    if (finalNorm) throw lacks("final_norm");
    if (projection !== undefined) throw lacks("projection_digest");
    if (logits) throw lacks("logits");
  }
  if (command.binding !== null) throw lacks("program");
  if (command.type === "open") return;
  if (command.constraint !== null) throw lacks("constraint");
  if (command.speculation !== null) throw lacks("speculation");
}

function lacks(field: string): TrimtabError {
  return new TrimtabError("BACKEND_CAPABILITY", `the onnx backend has no ${field}`, { field });
}

function released(): TrimtabError {
  return new TrimtabError("CANCELLED", "the sequence was released");
}

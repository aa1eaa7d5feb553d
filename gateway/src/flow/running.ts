/** Generations under way, by id, so that their steering can be changed while they run. */
import { randomUUID } from "node:crypto";
import { TrimtabError } from "#kit/errors.ts";
import type { Dose } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { CallScope } from "../clients.ts";

/** How a running generation is to be steered from now on; it replaces what was said before. */
export interface Resteer {
  /** Multiplies the own dose. */
  readonly scale: number;
  /** Instead of the scale. */
  readonly dose?: Dose;
  /** Blocks that act, of those the program changes; empty means all of them. */
  readonly activeLayers: readonly number[];
}

/** What can be done to a running generation. */
export interface RunningGeneration {
  /** Changes strength and blocks, in effect from the next token step. */
  steer(wish: Resteer, scope: CallScope): Promise<void>;
  /** Ends it with an error. */
  abort(error: TrimtabError): void;
}

/** Generations under way. */
export interface RunningGenerations {
  /** How many there are. */
  readonly size: number;
  /** Enters one; answers with its unguessable id. */
  enter(generation: RunningGeneration): string;
  /** It is over. */
  leave(id: string): void;
  /** Throws SEQUENCE_NOT_FOUND if it is over or never was. */
  get(id: string): RunningGeneration;
  /** Ends all of them with SERVICE_UNAVAILABLE. */
  close(): void;
}

/** Creates an empty registry. */
export function createRunningGenerations(): RunningGenerations {
  const running = new Map<string, RunningGeneration>();
  return {
    get size() {
      return running.size;
    },
    enter(generation) {
      const id = `gen-${randomUUID()}`;
      running.set(id, generation);
      return id;
    },
    leave: (id) => void running.delete(id),
    get(id) {
      const generation = running.get(id);
      if (generation) return generation;
      throw new TrimtabError("SEQUENCE_NOT_FOUND", "this generation has ended or never was", {
        field: "generation_id",
      });
    },
    close() {
      const error = new TrimtabError("SERVICE_UNAVAILABLE", "the gateway is shutting down");
      for (const generation of running.values()) generation.abort(error);
    },
  };
}

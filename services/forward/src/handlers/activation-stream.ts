/**
 * Activations of a call on their way to its reader. What the reader has not taken is bounded: beyond that its texts wait in the engine, with
 * their pages, and one that takes nothing for long is given up. Overshoot: what the engine computes in a step or two.
 */
import { TrimtabError } from "#kit/errors.ts";
import { createPushable } from "#kit/streams.ts";
import { HELD_TAP_BYTES, MAX_READ_MS } from "../../limits.ts";
import type { Engine } from "../engine/client.ts";
import type { SequenceId } from "../engine/protocol.ts";
import type { Activation } from "../engine/taps.ts";
import { type ActivationInit, activationFrames, frameBytes, gatherFrames } from "../schema/tensors.ts";

/** One message. */
interface Message {
  readonly itemIndex: number;
  readonly activations: ActivationInit[];
}

/** The activations of some texts. */
export interface ActivationStream {
  /** Puts what was read of an item behind the rest. */
  push(itemIndex: number, activations: readonly Activation[]): void;
  /** Ends the messages after those there are, with an error if there is one. */
  end(): void;
  fail(error: unknown): void;
  messages(): AsyncGenerator<Message>;
}

/** How much may wait, and for how long nothing may be taken. */
export interface ReaderLimits {
  readonly heldBytes: number;
  readonly readMs: number;
}

/** The limits of the service. */
export const READER_LIMITS: ReaderLimits = { heldBytes: HELD_TAP_BYTES, readMs: MAX_READ_MS };

/** A stream of what the opens of these sequences read. */
export function createActivationStream(
  engine: Engine,
  sequences: readonly SequenceId[],
  { heldBytes, readMs }: ReaderLimits,
): ActivationStream {
  const out = createPushable<Message>(Number.POSITIVE_INFINITY);
  const setHeld = (held: boolean) =>
    void engine.call({ type: "hold", sequences, held }).catch(() => undefined);
  let waitingBytes = 0;
  let giveUp: ReturnType<typeof setTimeout> | undefined;

  const hold = (): void => {
    setHeld(true);
    giveUp = setTimeout(() => {
      const message = "the activations were not read in time";
      out.fail(new TrimtabError("DEADLINE_EXCEEDED", message, { limit: `${readMs} ms` }));
      void engine.call({ type: "release", sequences }).catch(() => undefined);
    }, readMs);
  };
  const letGo = (): void => {
    if (giveUp === undefined) return;
    clearTimeout(giveUp);
    giveUp = undefined;
    setHeld(false);
  };
  return {
    push(itemIndex, activations) {
      for (const frames of gatherFrames(activations.flatMap(activationFrames))) {
        if (out.push({ itemIndex, activations: frames })) waitingBytes += bytesOf(frames);
      }
      if (waitingBytes > heldBytes && giveUp === undefined) hold();
    },
    end: out.end,
    fail: out.fail,
    async *messages() {
      try {
        for await (const message of out) {
          waitingBytes -= bytesOf(message.activations);
          if (waitingBytes > heldBytes / 2) giveUp?.refresh();
          else letGo();
          yield message;
        }
      } finally {
        clearTimeout(giveUp);
      }
    },
  };
}

const bytesOf = (frames: readonly ActivationInit[]): number =>
  frames.reduce((sum, frame) => sum + frameBytes(frame), 0);

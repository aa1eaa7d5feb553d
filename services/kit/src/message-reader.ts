/**
 * The messages of a streamed gRPC answer, out of its bytes: one step a message, where the pipeline of connect-es takes a generator each
 * for framing, compression, parsing and the end. Nothing is compressed: clients here say that they accept nothing else.
 */
import { Code, ConnectError } from "@connectrpc/connect";

const PREFIX_BYTES = 5;
const COMPRESSED = 1;

/** What messages are made of. */
export interface MessageFormat<T> {
  readonly parse: (bytes: Uint8Array) => T;
  /** Largest message. */
  readonly maxBytes: number;
  /** Called after the last message. @throws ConnectError if the call failed */
  readonly end: () => void;
}

/** The messages of `body`. @throws ConnectError of a frame that is none, and what `end` throws. */
export function readMessages<T>(body: AsyncIterable<Uint8Array>, format: MessageFormat<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const chunks = body[Symbol.asyncIterator]();
      const frames = createFrames(format.maxBytes);
      const step = (chunk: IteratorResult<Uint8Array>): IteratorResult<T> | Promise<IteratorResult<T>> => {
        if (chunk.done) {
          frames.end();
          format.end();
          return { done: true, value: undefined };
        }
        frames.add(chunk.value);
        return next();
      };
      const next = (): IteratorResult<T> | Promise<IteratorResult<T>> => {
        const bytes = frames.next();
        if (bytes) return { done: false, value: format.parse(bytes) };
        return chunks.next().then(step);
      };
      return { next: async () => next() };
    },
  };
}

/** Cuts bytes into frames: a prefix of flags and length, and the message. */
function createFrames(maxBytes: number) {
  let rest: Uint8Array = new Uint8Array(0);
  /** Chunks behind `rest`, while a frame is longer than what has come. */
  let more: Uint8Array[] = [];
  let moreBytes = 0;
  return {
    add(chunk: Uint8Array): void {
      if (rest.length === 0) rest = chunk;
      else {
        more.push(chunk);
        moreBytes += chunk.length;
      }
    },
    /** The next message that is whole. */
    next(): Uint8Array | undefined {
      const bytes = rest.length + moreBytes;
      if (bytes < PREFIX_BYTES) return undefined;
      if (more.length > 0 && (rest.length < PREFIX_BYTES || bytes >= PREFIX_BYTES + lengthOf(rest))) {
        rest = Buffer.concat([rest, ...more]);
        [more, moreBytes] = [[], 0];
      }
      const length = lengthOf(rest);
      if (length > maxBytes) throw tooLarge(length, maxBytes);
      if (bytes < PREFIX_BYTES + length) return undefined;
      if (((rest[0] ?? 0) & COMPRESSED) !== 0) throw compressed();
      // A copy: who keeps a message keeps no more than it.
      const message = new Uint8Array(rest.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
      rest = rest.subarray(PREFIX_BYTES + length);
      return message;
    },
    end(): void {
      if (rest.length + moreBytes > 0)
        throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
    },
  };
}

/** Without a view, which is dear to make. */
const lengthOf = (bytes: Uint8Array): number =>
  (((bytes[1] ?? 0) * 256 + (bytes[2] ?? 0)) * 256 + (bytes[3] ?? 0)) * 256 + (bytes[4] ?? 0);

const tooLarge = (length: number, maxBytes: number): ConnectError =>
  new ConnectError(
    `message size ${length} is larger than configured readMaxBytes ${maxBytes}`,
    Code.ResourceExhausted,
  );

const compressed = (): ConnectError =>
  new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);

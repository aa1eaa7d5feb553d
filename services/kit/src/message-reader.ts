/**
 * The messages of a streamed gRPC answer, out of the chunks of its HTTP/2 stream as they come: one promise a message and none a
 * chunk, where connect-es has an iterator over the stream and a generator each for framing, compression, parsing and the end. A
 * message that a listener takes on its arrival has no promise either.
 * Nothing is compressed: clients here say that they accept nothing else.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import type { Readable } from "node:stream";
import { RPC_LIMITS } from "./limits.ts";

const PREFIX_BYTES = 5;
const COMPRESSED = 1;

/** Where the bytes of an answer come from. */
export interface ByteSource {
  /** Nothing is read of it before the first message is asked for. */
  readonly stream: Readable;
  /** Resolves when all bytes have come, rejects with what kept the rest from coming. Called once. */
  readonly ended: () => Promise<unknown>;
  /** Called for each chunk. */
  readonly onBytes?: () => void;
}

/** What messages are made of. */
export interface MessageFormat<T> {
  readonly parse: (bytes: Uint8Array) => T;
  /** Largest message. */
  readonly maxBytes: number;
  /** Hears of a message that somebody waits for; true: it is taken, and who waits goes on waiting. May not throw. */
  readonly isTaken?: ((message: T) => boolean) | undefined;
  /** Called after the last message. @throws ConnectError if the call failed */
  readonly end: () => void;
}

/** The messages of `source`, for one reader. @throws ConnectError of a frame that is none, and what `ended` and `end` throw. */
export function readMessages<T>(source: ByteSource, format: MessageFormat<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => createReader(source, format) };
}

type Taker<T> = Pick<PromiseWithResolvers<IteratorResult<T, undefined>>, "resolve" | "reject">;

function createReader<T>({ stream, ended, onBytes }: ByteSource, format: MessageFormat<T>): AsyncIterator<T> {
  const frames = createFrames(format.maxBytes);
  const takers: Taker<T>[] = [];
  let over: { readonly error?: unknown } | undefined;
  let isRead = false;

  /** What the first taker gets now; undefined if it has to wait. Messages that have come go before the end. */
  const take = (): IteratorResult<T, undefined> | undefined => {
    for (let bytes = frames.next(); bytes; bytes = frames.next()) {
      const value = format.parse(bytes);
      if (!format.isTaken?.(value)) return { done: false, value };
    }
    if (!over) return undefined;
    if ("error" in over) throw over.error;
    frames.end();
    format.end();
    return { done: true, value: undefined };
  };
  const serve = (): void => {
    for (let taker = takers[0]; taker; taker = takers[0]) {
      try {
        const result = take();
        if (!result) return;
        taker.resolve(result);
      } catch (error) {
        taker.reject(error);
      }
      takers.shift();
    }
  };
  const onData = (chunk: Uint8Array): void => {
    onBytes?.();
    frames.add(chunk);
    if (takers.length > 0) serve();
    if (takers.length === 0 && frames.bytes > RPC_LIMITS.unreadBytes) stream.pause();
  };
  const end = (how: { readonly error?: unknown }): void => {
    over = how;
    serve();
  };
  const begin = (): void => {
    isRead = true;
    ended().then(
      () => end({}),
      (error: unknown) => end({ error }),
    );
    stream.on("data", onData);
  };

  return {
    next() {
      if (!isRead) begin();
      return new Promise((resolve, reject) => {
        takers.push({ resolve, reject });
        serve();
        const wantsMore = takers.length > 0 || frames.bytes <= RPC_LIMITS.unreadBytes;
        if (wantsMore && stream.isPaused()) stream.resume();
      });
    },
  };
}

/** Cuts bytes into frames: a prefix of flags and length, and the message. */
function createFrames(maxBytes: number) {
  let chunk: Uint8Array = NOTHING;
  /** Where in it the next frame begins. */
  let from = 0;
  /** Chunks behind it, while a frame is longer than what has come. */
  let more: Uint8Array[] = [];
  let moreBytes = 0;
  const left = (): number => chunk.length - from + moreBytes;
  return {
    /** Bytes that are part of no message yet. */
    get bytes() {
      return left();
    },
    add(next: Uint8Array): void {
      if (from === chunk.length) [chunk, from] = [next, 0];
      else {
        more.push(next);
        moreBytes += next.length;
      }
    },
    /** The next message that is whole. */
    next(): Uint8Array | undefined {
      const bytes = left();
      if (bytes < PREFIX_BYTES) return undefined;
      const known = chunk.length - from;
      if (more.length > 0 && (known < PREFIX_BYTES || bytes >= PREFIX_BYTES + lengthAt(chunk, from))) {
        chunk = Buffer.concat([chunk.subarray(from), ...more]);
        [from, more, moreBytes] = [0, [], 0];
      }
      const length = lengthAt(chunk, from);
      if (length > maxBytes) throw tooLarge(length, maxBytes);
      if (bytes < PREFIX_BYTES + length) return undefined;
      if (((chunk[from] ?? 0) & COMPRESSED) !== 0) throw compressed();
      const begin = from + PREFIX_BYTES;
      from = begin + length;
      return copyOf(chunk, begin, from);
    },
    end(): void {
      if (left() > 0) throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
    },
  };
}

const NOTHING = new Uint8Array(0);
/** Up to here it is faster to copy bytes one by one than to make a view of them. */
const SHORT_BYTES = 64;

/** A copy: who keeps a message keeps no more than it. */
function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  if (to - from > SHORT_BYTES) return new Uint8Array(bytes.subarray(from, to));
  const copy = new Uint8Array(to - from);
  for (let at = from; at < to; at++) copy[at - from] = bytes[at] ?? 0;
  return copy;
}

/** Without a view, which is dear to make. */
const lengthAt = (bytes: Uint8Array, from: number): number =>
  (((bytes[from + 1] ?? 0) * 256 + (bytes[from + 2] ?? 0)) * 256 + (bytes[from + 3] ?? 0)) * 256 +
  (bytes[from + 4] ?? 0);

const tooLarge = (length: number, maxBytes: number): ConnectError =>
  new ConnectError(
    `message size ${length} is larger than configured readMaxBytes ${maxBytes}`,
    Code.ResourceExhausted,
  );

const compressed = (): ConnectError =>
  new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);

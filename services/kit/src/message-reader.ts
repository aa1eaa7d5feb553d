/**
 * The messages of a streamed gRPC answer, out of the chunks of its HTTP/2 stream as they come: one promise a message and none a
 * chunk, where connect-es has an iterator over the stream and a generator each for framing, compression, parsing and the end.
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
    const bytes = frames.next();
    if (bytes) return { done: false, value: format.parse(bytes) };
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
  let rest: Uint8Array = new Uint8Array(0);
  /** Chunks behind `rest`, while a frame is longer than what has come. */
  let more: Uint8Array[] = [];
  let moreBytes = 0;
  return {
    /** Bytes that are part of no message yet. */
    get bytes() {
      return rest.length + moreBytes;
    },
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

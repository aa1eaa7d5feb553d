/** A stream as the source of a reader of messages. */
import type { Readable } from "node:stream";
import type { ByteSource } from "#kit/message-reader.ts";

export const sourceOf = (stream: Readable): ByteSource => ({
  stream,
  ended: () => new Promise((resolve, reject) => stream.once("end", resolve).once("error", reject)),
});

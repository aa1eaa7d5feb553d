/** How the suite's runner talks to a program: messages behind four bytes of length, on standard input and output. */
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Dynamic } from "./schema.ts";

/** Messages of standard input, one after the other. */
export async function* readMessages(schema: DescMessage): AsyncGenerator<Dynamic, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      yield fromBinary(schema, rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  }
}

/** Writes a message to standard output. */
export function writeMessage(schema: DescMessage, init: object): void {
  const bytes = toBinary(schema, create(schema, init as never));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  process.stdout.write(Buffer.concat([head, bytes]));
}

/**
 * Writes what a handler answered to an HTTP/2 response. The one message of a unary call leaves with its headers and trailers in one
 * piece: a third less processor time a call than chunk by chunk.
 */
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { stopReading } from "./early-answer.ts";
import { watched } from "./streams.ts";

/** Resolves when the answer has been written. */
export async function writeAnswer(
  answered: UniversalServerResponse,
  isUnary: boolean,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): Promise<void> {
  const { body } = answered;
  if (isUnary && body) return writeWhole({ ...answered, body }, request, response);
  if (response.headersSent) {
    // All messages have been written (`direct-messages.ts`): the trailers are left.
    stopReading(request, response);
    return writeEnd(response, answered.trailer);
  }
  const whole = { ...answered, body: body && watched(body, { ended: () => stopReading(request, response) }) };
  return universalResponseToNodeResponse(whole, response);
}

async function writeWhole(
  { status, header, trailer, body }: UniversalServerResponse & { body: AsyncIterable<Uint8Array> },
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  stopReading(request, response);
  response.writeHead(status, Object.fromEntries(header ?? []));
  await writeEnd(response, trailer, chunks.length <= 1 ? chunks[0] : Buffer.concat(chunks));
}

/** Resolves when the last bytes and the trailers have been written. */
async function writeEnd(
  response: Http2ServerResponse,
  trailer: Headers | undefined,
  bytes?: Uint8Array,
): Promise<void> {
  if (trailer) response.addTrailers(Object.fromEntries(trailer));
  await new Promise<void>((resolve) => {
    response.once("finish", resolve);
    // An empty frame before the trailers counts as an invalid one in Node's clients, which leave after a thousand of them.
    if (!bytes?.length) response.end();
    else response.end(bytes);
  });
}

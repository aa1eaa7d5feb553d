/** Answers that leave before their request has come to its end: the rest of the request is not read, and its stream is closed. */
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";

/** An answer before the end of its request: a client that goes on sending would wait for room in the window for ever. */
export function stopReading(request: Http2ServerRequest, response: Http2ServerResponse): void {
  // The trailers are written in this turn of the event loop.
  setImmediate(() => {
    if (!request.complete) response.stream?.close(constants.NGHTTP2_NO_ERROR);
  });
}

/** What kit's client says of a call that the other side ended without a word. */
import { Code, ConnectError, type UnaryRequest } from "@connectrpc/connect";
import { expect, test } from "bun:test";
import { normaliseClientErrors } from "#kit/interceptors.ts";

const ended = new ConnectError("http/2 stream closed with error code CANCEL (0x8)", Code.Canceled);

async function codeOf(timeout: string | undefined, afterMs: number, signal: AbortSignal): Promise<Code> {
  const header = new Headers(timeout === undefined ? {} : { "grpc-timeout": timeout });
  const call = normaliseClientErrors(async () => {
    await Bun.sleep(afterMs);
    throw ended;
  });
  return ConnectError.from(await call({ header, signal } as UnaryRequest).catch((error: unknown) => error))
    .code;
}

const staying = new AbortController().signal;

test("T6 X1 a call ended by the other side was lost, or late if its deadline has passed, heard of here or not", async () => {
  expect(await codeOf("5m", 20, staying)).toBe(Code.DeadlineExceeded);
  expect(await codeOf("600000m", 1, staying)).toBe(Code.Unavailable);
  expect(await codeOf(undefined, 1, staying)).toBe(Code.Unavailable);
  expect(await codeOf(undefined, 1, AbortSignal.abort())).toBe(Code.Canceled);
});

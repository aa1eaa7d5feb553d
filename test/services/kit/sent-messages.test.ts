/** Messages that a handler sends at once: among those it yields, up to a reader that does not read, and never after the end. */
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Code, ConnectError, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { connectTo } from "#kit/clients.ts";
import { type Send, sendKey } from "#kit/direct-messages.ts";
import { fromConnectError } from "#kit/errors.ts";
import { arrivalKey } from "#kit/grpc-streams.ts";
import { createGrpcListener, type Listener } from "#kit/listeners.ts";
import {
  type GetVocabularyResponse,
  GetVocabularyResponseSchema,
  TokenizerService,
} from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";

const MAX_BYTES = 100_000;
const numbered = (firstId: number, bytes = 0): GetVocabularyResponse =>
  create(GetVocabularyResponseSchema, { firstId, tokens: [new Uint8Array(bytes)] });

/** What handlers here do, by name. */
const answers: Record<
  string,
  (send: Send, context: HandlerContext) => AsyncGenerator<GetVocabularyResponse>
> = {
  async *mixed(send) {
    expect(send(numbered(1))).toBe(true);
    yield numbered(2);
    expect(send(numbered(3))).toBe(true);
    await Bun.sleep(1);
    expect(send(numbered(4))).toBe(true);
    yield numbered(5);
  },
  async *unread(send) {
    let id = 0;
    while (send(numbered(++id, 50_000)));
    refusedAt = id;
    yield numbered(id);
    expect(send(numbered(id + 1))).toBe(true);
  },
  async *large(send) {
    send(numbered(1));
    send(numbered(2, MAX_BYTES));
    yield numbered(3);
  },
  async *fails(send) {
    send(numbered(1));
    setTimeout(() => (sentAfterEnd = send(numbered(2))), 20);
    throw new ConnectError("gone", Code.DataLoss);
  },
  async *late(send, { signal }) {
    send(numbered(1));
    signal.addEventListener("abort", () => (sentAfterEnd = send(numbered(2))));
    await new Promise(() => undefined);
  },
};
let refusedAt = 0;
let sentAfterEnd: boolean | undefined;
let listener: Listener;
beforeAll(async () => {
  listener = await createGrpcListener({
    maxAnswerBytes: MAX_BYTES,
    routes: (router) =>
      router.service(TokenizerService, {
        async *getVocabulary({ modelDigest }, context) {
          const send = context.values.get(sendKey);
          if (send) yield* answers[modelDigest]!(send, context);
        },
      }),
  });
});
afterAll(() => listener.close({ graceMs: 0 }));

/** First ids of an answer, and the reason it failed for. */
async function ask(modelDigest: string, timeoutMs = 20_000, waitMs = 0) {
  const connection = connectTo({ address: `127.0.0.1:${listener.port}` });
  const ids: number[] = [];
  let reason: string | undefined;
  try {
    const answer = connection.client(TokenizerService).getVocabulary({ modelDigest }, { timeoutMs });
    for await (const { firstId } of answer) {
      if (ids.length === 0) await Bun.sleep(waitMs);
      ids.push(firstId);
    }
  } catch (error) {
    ({ reason } = fromConnectError(error));
  }
  connection.close();
  return { ids, reason };
}

test("messages sent and yielded come in the order of the handler", async () => {
  expect(await ask("mixed")).toEqual({ ids: [1, 2, 3, 4, 5], reason: undefined });
});

test("who does not read is sent no more than there is room for; nothing is lost", async () => {
  const { ids } = await ask("unread", 20_000, 200);
  expect(refusedAt).toBeGreaterThan(1);
  expect(refusedAt).toBeLessThan(40);
  expect(ids).toEqual(Array.from({ length: refusedAt + 1 }, (_, at) => at + 1));
});

test.each([
  ["large", [1], "TOO_LARGE", 20_000],
  ["fails", [1], "ARTIFACT_CORRUPT", 20_000],
  ["late", [1], "DEADLINE_EXCEEDED", 300],
])("an answer that %s ends as if it had been yielded", async (name, ids, reason, timeoutMs) => {
  sentAfterEnd = undefined;
  expect(await ask(name, timeoutMs)).toEqual({ ids, reason });
  await Bun.sleep(50);
  expect(sentAfterEnd ?? false).toBe(false);
});

test("where messages can only be yielded, nobody is given a way to send them", async () => {
  let send: Send | undefined;
  const { client } = connectTo({
    routes: (router) =>
      router.service(TokenizerService, {
        async *getVocabulary(_, context) {
          send = context.values.get(sendKey);
          yield numbered(1);
        },
      }),
  });
  const heard: unknown[] = [];
  const contextValues = createContextValues().set(arrivalKey, (message) => heard.push(message) > 0);
  const seen = await Array.fromAsync(client(TokenizerService).getVocabulary({}, { contextValues }));
  expect([seen.length, heard.length, send]).toEqual([1, 0, undefined]);
});

/** The rest of the values of rows F1, F2 and F4: ids as each protocol can write them, names that were good once, cuts and forks that are none. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { Hono } from "hono";
import { mountConnect } from "#kit/listeners.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { createPushable } from "#kit/streams.ts";
import { type SessionRequest, SessionRequestSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { failure, prompt } from "../../support/forward-engine.ts";
import {
  drain,
  generateCommand,
  openCommand,
  reasonOf,
  startForwardForFile,
} from "../../support/forward-service.ts";

setDefaultTimeout(120_000);
const RANGE = "FIELD_OUT_OF_RANGE";
const VOCABULARY = 256;
const CONTEXT_TOKENS = 512;

const forward = await startForwardForFile({ contextTokens: CONTEXT_TOKENS });
const app = new Hono();
mountConnect(app, { routes: forward.service.routes, interceptors: serverInterceptors() });

const BAD_IDS = [[VOCABULARY], [2 ** 31], [2 ** 32 - 1], [5, 6, 2 ** 31 - 1]];
describe.each(BAD_IDS.map((ids) => [ids]))("F1 the ids %p are refused by", (ids) => {
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["Open", () => forward.client.open({ modelDigest: forward.modelDigest, open: { ids } })],
    [
      "Score",
      () =>
        forward.client.score({ modelDigest: forward.modelDigest, items: [{ ids: [5, ...ids], first: 1 }] }),
    ],
    [
      "Capture",
      () =>
        drain(
          forward.client.capture({ modelDigest: forward.modelDigest, items: [{ ids }], taps: [{ site: 1 }] }),
        ),
    ],
    [
      "Score's candidates",
      () =>
        forward.client.score({
          modelDigest: forward.modelDigest,
          items: [{ ids: [1, 2], first: 1 }],
          candidateIds: ids,
        }),
    ],
  ];
  test.each(calls)("%s", async (_name, call) => expect(await reasonOf(call())).toBe(RANGE));
});

test.each(["-1", "1.5", "4294967296", '"x"', "null", "1e999", "[1]", "true"])(
  "F1 an id written as %s is no id over Connect",
  async (id) => {
    const response = await app.request("/trimtab.forward.v1.ForwardService/Open", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"modelDigest":"${forward.modelDigest}","open":{"ids":[5,${id}]}}`,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_argument" });
  },
);

test("F1 floats in the packed ids of a message are refused", async () => {
  // OpenRequest.open (3) with ids (2) as eight bytes of floats: each byte over 127 goes on, the last never ends.
  const packed = new Uint8Array(new Float32Array([-1, -2]).buffer);
  const open = Uint8Array.of(0x12, packed.length, ...packed, 0x80);
  const body = Uint8Array.of(0x12, open.length, ...open);
  const response = await app.request("/trimtab.forward.v1.ForwardService/Open", {
    method: "POST",
    headers: { "content-type": "application/proto" },
    body,
  });
  expect(response.status).toBe(400);
});

test("F2 released, expired, foreign and invented names are refused in the same words", async () => {
  const { client, modelDigest } = forward;
  const open = { ids: prompt(20) };
  const released = (await client.open({ modelDigest, open })).sequence;
  await client.release({ modelDigest, sequences: [released] });
  const expired = (await client.open({ modelDigest, open, leaseMs: 1_000 })).sequence;
  await forward.emptied();
  const names = [released, expired, `${released}x`, released.toUpperCase(), "seq-", " ", "\u0000"];
  const said = await Promise.all(
    names.map(
      async (sequence) => (await failure(client.truncate({ modelDigest, sequence, tokens: 1 }))) as Error,
    ),
  );
  expect(new Set(said.map(({ message }) => message)).size).toBe(1);
  for (const name of names)
    expect(await reasonOf(client.renew({ modelDigest, sequences: [name] }))).toBe("SEQUENCE_NOT_FOUND");
});

test("F2 a session knows no sequence of another session, whatever its number", async () => {
  const requests = createPushable<SessionRequest>();
  requests.push(
    create(SessionRequestSchema, {
      modelDigest: forward.modelDigest,
      commands: [openCommand(1n, prompt(20))],
    }),
  );
  const mine = forward.client.session(requests)[Symbol.asyncIterator]();
  await mine.next();
  const other = await forward.session({ commands: [generateCommand(1n)] });
  expect(other[0]?.event).toMatchObject({ case: "failed", value: { reason: "SEQUENCE_NOT_FOUND" } });
  requests.end();
  await mine.next();
  await forward.emptied();
});

test("F4 a fork into no children, into far too many, and a cut to nothing", async () => {
  const { client, modelDigest } = forward;
  const { sequence } = await client.open({ modelDigest, open: { ids: prompt(20) } });
  for (const children of [0, 2 ** 31, 2 ** 32 - 1]) {
    expect(await reasonOf(client.fork({ modelDigest, sequence, children }))).toMatch(
      /RANGE|TOO_LARGE|REQUIRED/,
    );
  }
  for (const tokens of [21, 2 ** 32 - 1]) {
    expect(await reasonOf(client.truncate({ modelDigest, sequence, tokens }))).toBe(RANGE);
  }
  await client.release({ modelDigest, sequences: [sequence] });
  await forward.emptied();
});

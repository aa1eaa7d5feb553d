/** Every method of a service that takes one message, with random ones, over its own routes; the answer may be a stream. */
import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { Hono } from "hono";
import { serverInterceptors } from "#kit/interceptors.ts";
import { mountConnect } from "#kit/listeners.ts";
import { callUnary, type ConnectFailure, MALFORMED, refusalOf } from "./connect-failure.ts";
import { mutateBytes, pick, type Random, type Target } from "./target.ts";
import { changedMessage, randomMessage, type Words } from "./messages.ts";

/** A call as bytes. */
export interface Call {
  readonly method: string;
  readonly body: Uint8Array;
}

/** A method's name and a request it answers. */
export type SoundRequest = readonly [method: string, request: Message];

/** What is fuzzed of a service. */
export interface ServiceUnderTest {
  readonly service: DescService;
  readonly routes: (router: ConnectRouter) => void;
  readonly words: Words;
  /** Every second case changes one of them, once or twice. */
  readonly sound: readonly SoundRequest[];
  /** Methods left out: those that end what is under test. */
  readonly without?: readonly string[];
  readonly cases: readonly [short: number, long: number];
  readonly reasons: readonly string[];
}

/** The target of a service: first check = a message of the schema. */
export function serviceTarget(tested: ServiceUnderTest): Target<Call> & { readonly sound: readonly Call[] } {
  const { service, words, sound, without = [], cases, reasons } = tested;
  const app = new Hono();
  mountConnect(app, { routes: tested.routes, interceptors: serverInterceptors() });
  const methods = service.methods.filter(
    (method): method is Method => takesOneMessage(method) && !without.includes(method.name),
  );
  const methodNamed = (name: string): Method => {
    const method = methods.find((one) => one.name === name);
    if (!method) throw new Error(`${service.name} has no ${name}`);
    return method;
  };
  const soundCalls = sound.map(([name, request]): Call => {
    return { method: name, body: toBinary(methodNamed(name).input, request) };
  });
  return {
    sound: soundCalls,
    name: `messages of ${service.name}`,
    ...{ cases, reasons },
    make(random: Random): Call {
      const [name, request] = pick(random, sound);
      const isChange = random.below(2) === 0;
      const method = isChange ? methodNamed(name) : pick(random, methods);
      const message = isChange
        ? changedMessage(method.input, request, random, words)
        : randomMessage(method.input, random, words);
      const bytes = toBinary(method.input, message);
      return { method: method.name, body: random.below(5) === 0 ? mutateBytes(bytes, random) : bytes };
    },
    async read({ method, body }) {
      const called = methodNamed(method);
      const isStream = called.methodKind === "server_streaming";
      const path = `/${service.typeName}/${method}`;
      const failure = isStream ? await callStreaming(app, path, body) : await callUnary(app, path, body);
      if (failure)
        throw refusalOf(called.input, { ...failure, message: `${method}: ${failure.message ?? ""}` });
    },
    isFirstCheck: ({ message }) => MALFORMED.test(message),
    corpus: methods.map(({ name }) => ({ method: name, body: new Uint8Array() })),
  };
}

type Method = DescMethodUnary | DescMethodServerStreaming;

function takesOneMessage({ methodKind }: DescService["methods"][number]): boolean {
  return methodKind === "unary" || methodKind === "server_streaming";
}

/** Flag of the envelope that ends a stream of the Connect protocol; its data is JSON. */
const END_STREAM = 0b10;
const ENVELOPE_HEAD_BYTES = 5;

async function callStreaming(app: Hono, path: string, body: Uint8Array): Promise<ConnectFailure | undefined> {
  const headers = { "content-type": "application/connect+proto" };
  const envelope = encodeEnvelope(0, body as Uint8Array<ArrayBuffer>);
  const response = await app.request(path, { method: "POST", headers, body: Buffer.from(envelope) });
  const bytes = Buffer.from(await response.arrayBuffer());
  for (let at = 0; at < bytes.length;) {
    const data = at + ENVELOPE_HEAD_BYTES;
    const end = data + bytes.readUInt32BE(at + 1);
    if (((bytes[at] ?? 0) & END_STREAM) !== 0) {
      return (JSON.parse(bytes.toString("utf8", data, end)) as { error?: ConnectFailure }).error;
    }
    at = end;
  }
  throw new Error(`the stream of ${path} ended without its last envelope`);
}

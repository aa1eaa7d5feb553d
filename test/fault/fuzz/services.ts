/** Every unary method of gateway, forward, tokenizer and verifier with random messages, each over its own routes. */
import { type DescMethodUnary, type DescService, toBinary } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { Hono } from "hono";
import { serverInterceptors } from "#kit/interceptors.ts";
import { mountConnect } from "#kit/listeners.ts";
import { type ConnectFailure, MALFORMED, whyRefused } from "./connect-failure.ts";
import { checkField } from "./field-paths.ts";
import { mutateBytes, pick, RefusedAs, type Random, type Target } from "./target.ts";
import { randomMessage, type Words } from "./messages.ts";

/** A call as bytes. */
export interface Call {
  readonly method: string;
  readonly body: Uint8Array;
}

/** What is fuzzed of a service. */
export interface ServiceUnderTest {
  readonly service: DescService;
  readonly routes: (router: ConnectRouter) => void;
  readonly words: Words;
  /** Methods left out: those that end what is under test. */
  readonly without?: readonly string[];
  readonly cases: readonly [short: number, long: number];
  readonly reasons: readonly string[];
}

/** The target of a service: first check = a message of the schema. */
export function serviceTarget(tested: ServiceUnderTest): Target<Call> {
  const { service, words, without = [], cases, reasons } = tested;
  const app = new Hono();
  mountConnect(app, { routes: tested.routes, interceptors: serverInterceptors() });
  const methods = service.methods.filter(
    (method): method is DescMethodUnary => method.methodKind === "unary" && !without.includes(method.name),
  );
  return {
    name: `messages of ${service.name}`,
    ...{ cases, reasons },
    make(random: Random): Call {
      const method = pick(random, methods);
      const bytes = toBinary(method.input, randomMessage(method.input, random, words));
      return { method: method.name, body: random.below(5) === 0 ? mutateBytes(bytes, random) : bytes };
    },
    async read({ method, body }) {
      const headers = { "content-type": "application/proto" };
      const path = `/${service.typeName}/${method}`;
      const response = await app.request(path, { method: "POST", headers, body: Buffer.from(body) });
      if (response.ok) return void (await response.arrayBuffer());
      const { message = "", details = [] } = (await response.json()) as ConnectFailure;
      const { reason, field } = whyRefused(details);
      const schema = methods.find(({ name }) => name === method)?.input;
      if (schema) checkField(schema, reason, field, message);
      throw new RefusedAs(reason, `${method}: ${message}`);
    },
    isFirstCheck: ({ message }) => MALFORMED.test(message),
    corpus: methods.map(({ name }) => ({ method: name, body: new Uint8Array() })),
  };
}

/** The client: every method of trimtab.gateway.v1 with typed errors and streams that may be left, and `answer` for conversations. */
import type { DescMethod } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  createClient,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { GatewayService } from "../../proto/gen/trimtab/gateway/v1/gateway_service_pb.ts";
import { type Answer, createAnswer, type Spec } from "./answer.ts";
import { toTrimtabError } from "./errors.ts";
import { untilLeft } from "./streams.ts";

/** Where the server is and how calls are made. */
export interface ClientOptions {
  /** Base of the server's address; the default depends on the platform. */
  readonly url?: string;
  /** API key, for servers that want one. */
  readonly apiKey?: string;
  /** Deadline of calls that name none, milliseconds; by default they have none. */
  readonly timeoutMs?: number;
}

/** A question, or a conversation of messages. */
export type Conversation = string | readonly { readonly role: string; readonly content: string }[];

/** Calls of the gateway. Every error is a TrimtabError. */
export interface Trimtab extends Client<typeof GatewayService> {
  /** Answers a conversation: events as they come, or `.text()`. */
  answer(conversation: Conversation, spec?: Omit<Spec, "prompt">, options?: CallOptions): Answer;
  /** Closes the connections, where they are the client's own. */
  close(): void;
}

/** What a platform brings. */
export interface Connection {
  readonly transport: Transport;
  close(): void;
}

/** Makes the client of a connection. */
export function createTrimtab({ transport, close }: Connection): Trimtab {
  const client = createClient(GatewayService, transport);
  const calls = GatewayService.methods.map((method) => [method.localName, typed(client, method)]);
  const methods = Object.fromEntries(calls) as Client<typeof GatewayService>;
  const answer: Trimtab["answer"] = (conversation, spec = {}, options = {}) => {
    const messages =
      typeof conversation === "string" ? [{ role: "user", content: conversation }] : [...conversation];
    return createAnswer(methods, { ...spec, prompt: { case: "conversation", value: { messages } } }, options);
  };
  return { ...methods, answer, close };
}

/** Sends the key with every call. */
export function withKey(apiKey: string | undefined): Interceptor[] {
  if (apiKey === undefined) return [];
  return [
    (next) => (request) => {
      request.header.set("authorization", `Bearer ${apiKey}`);
      return next(request);
    },
  ];
}

type Call = (request: unknown, options?: CallOptions) => unknown;

function typed(client: Client<typeof GatewayService>, method: DescMethod): Call {
  const call = (client as unknown as Record<string, Call>)[method.localName]!;
  if (method.methodKind === "server_streaming") {
    return (request, options = {}) =>
      untilLeft((signal) => call(request, { ...options, signal }) as AsyncIterable<unknown>, options.signal);
  }
  return async (request, options) => {
    try {
      return await call(request, options);
    } catch (thrown) {
      throw toTrimtabError(thrown);
    }
  };
}

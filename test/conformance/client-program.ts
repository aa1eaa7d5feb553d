/** Kit's client (`connectTo`: gRPC over HTTP/2) as the suite drives it: calls are read from standard input, what they gave is written. */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { connectTo } from "#kit/clients.ts";
import { readMessages, writeMessage } from "./framing.ts";
import { type Dynamic, headersOf, messageOf, registry, serviceOf } from "./schema.ts";

interface Result {
  responseHeaders: Dynamic[];
  responseTrailers: Dynamic[];
  payloads: Dynamic[];
  error?: Dynamic;
  numUnsentRequests: number;
}

const FULL_DUPLEX = 5;
const Payload = messageOf("ConformancePayload");

async function call(request: Dynamic): Promise<Result> {
  const connection = connectTo(
    { address: `${request.host}:${request.port}` },
    {
      timeoutMs: null,
      ...(request.messageReceiveLimit ? { maxMessageBytes: request.messageReceiveLimit } : {}),
    },
  );
  const result: Result = { responseHeaders: [], responseTrailers: [], payloads: [], numUnsentRequests: 0 };
  const messages = request.requestMessages.map((any: Dynamic) => anyUnpack(any, registry) as Message);
  const leave = new AbortController();
  const headers = new Headers();
  for (const { name, value } of request.requestHeaders) for (const one of value) headers.append(name, one);
  const options = {
    headers,
    signal: leave.signal,
    onHeader: (seen: Headers) => void (result.responseHeaders = headersOf(seen)),
    onTrailer: (seen: Headers) => void (result.responseTrailers = headersOf(seen)),
    ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
  };
  try {
    await invoke(request, {
      client: connection.client(serviceOf(request.service)),
      messages,
      options,
      leave,
      result,
    });
  } catch (error) {
    const failure = ConnectError.from(error);
    result.error = {
      code: failure.code,
      message: failure.rawMessage,
      details: failure.details.flatMap(detailOf),
    };
    // Headers of a failed call are in the error's metadata, together.
    if (result.responseHeaders.length === 0) result.responseHeaders = headersOf(failure.metadata);
    if (result.responseTrailers.length === 0) result.responseTrailers = headersOf(failure.metadata);
  } finally {
    connection.close();
  }
  return result;
}

interface Call {
  readonly client: Dynamic;
  readonly messages: Message[];
  readonly options: object;
  readonly leave: AbortController;
  readonly result: Result;
}

async function invoke(request: Dynamic, { client, messages, options, leave, result }: Call): Promise<void> {
  const name = request.method[0].toLowerCase() + request.method.slice(1);
  const timing = request.cancel?.cancelTiming;
  const leaveLater = (): void => {
    if (request.cancel && timing?.case !== "afterNumResponses" && timing?.case !== "beforeCloseSend") {
      setTimeout(() => leave.abort(), timing?.value ?? 0);
    }
  };
  const keep = ({ payload }: Dynamic): void => void result.payloads.push(payload ?? create(Payload));
  let sent = 0;
  let isOver = false;
  const send = async function* (): AsyncGenerator<Message> {
    for (const message of messages) {
      await Bun.sleep(request.requestDelayMs);
      yield message;
      sent++;
      // In full duplex a message follows the answer to the one before it.
      while (request.streamType === FULL_DUPLEX && result.payloads.length < sent && !isOver)
        await Bun.sleep(1);
    }
    if (timing?.case === "beforeCloseSend") leave.abort();
    leaveLater();
  };
  const { methodKind } = client && serviceOf(request.service).method[name]!;
  if (methodKind === "unary") {
    await Bun.sleep(request.requestDelayMs);
    leaveLater();
    return keep(await client[name](messages[0], options));
  }
  if (methodKind === "client_streaming") return keep(await client[name](send(), options));
  if (methodKind === "server_streaming") {
    await Bun.sleep(request.requestDelayMs);
    leaveLater();
  }
  const answers = client[name](methodKind === "server_streaming" ? messages[0] : send(), options);
  try {
    for await (const answer of answers) {
      keep(answer);
      if (timing?.case === "afterNumResponses" && result.payloads.length === timing.value) leave.abort();
    }
  } finally {
    isOver = true;
  }
}

/** Details arrive as bytes with a name, or are made here. */
function detailOf(detail: Dynamic): Dynamic[] {
  if ("type" in detail) return [{ typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value }];
  return [
    {
      typeUrl: `type.googleapis.com/${detail.desc.typeName}`,
      value: toBinary(detail.desc, create(detail.desc, detail.value)),
    },
  ];
}

await Array.fromAsync(readMessages(messageOf("ClientCompatRequest")), async (request) => {
  const { testName } = request;
  const outcome = await call(request).then(
    (value) => ({ case: "response" as const, value }),
    (error: unknown) => ({ case: "error" as const, value: { message: String(error) } }),
  );
  writeMessage(messageOf("ClientCompatResponse"), { testName, result: outcome });
});
process.exit(0);

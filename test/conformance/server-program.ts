/** The suite's service on kit's listeners: HTTP/1.1 is the web listener, HTTP/2 the gRPC one. Started by the runner, once a configuration. */
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { Hono } from "hono";
import { createGrpcListener, createHttpListener, mountConnect } from "#kit/listeners.ts";
import { readMessages, writeMessage } from "./framing.ts";
import { type Dynamic, headersOf, messageOf, registry, serviceOf } from "./schema.ts";

const HTTP_1 = 1;
const RequestInfo = messageOf("ConformancePayload.RequestInfo");

function infoOf(context: HandlerContext, requests: Dynamic[]): Dynamic {
  const timeoutMs = context.timeoutMs();
  const query = context.requestMethod === "GET" ? [...new URL(context.url).searchParams] : [];
  return create(RequestInfo, {
    requestHeaders: headersOf(context.requestHeader),
    requests: requests.map((request) => anyPack(messageOf(request.$typeName.split(".").at(-1)), request)),
    ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.max(0, Math.round(timeoutMs))) }),
    ...(query.length > 0
      ? { connectGetInfo: { queryParams: query.map(([name, value]) => ({ name, value: [value] })) } }
      : {}),
  } as never);
}

function setHeaders(context: HandlerContext, definition: Dynamic): void {
  for (const { name, value } of definition?.responseHeaders ?? [])
    for (const one of value) context.responseHeader.append(name, one);
  for (const { name, value } of definition?.responseTrailers ?? [])
    for (const one of value) context.responseTrailer.append(name, one);
}

/** The error a definition asks for; with `info` when nothing was sent before it. */
function errorOf(error: Dynamic, info?: Dynamic): ConnectError {
  const made = new ConnectError(error.message ?? "", error.code);
  const details = error.details.map(({ typeUrl, value }: Dynamic) => ({
    type: typeUrl.split("/").at(-1),
    value,
  }));
  const own = info ? [{ type: RequestInfo.typeName, value: toBinary(RequestInfo, info) }] : [];
  made.details = [...details, ...own];
  return made;
}

async function answerOnce(
  definition: Dynamic,
  requests: Dynamic[],
  context: HandlerContext,
): Promise<Dynamic> {
  setHeaders(context, definition);
  const requestInfo = infoOf(context, requests);
  await Bun.sleep(definition?.responseDelayMs ?? 0);
  if (definition?.response.case === "error") throw errorOf(definition.response.value, requestInfo);
  const data = definition?.response.case === "responseData" ? definition.response.value : new Uint8Array();
  return { payload: { data, requestInfo } };
}

async function* answerStream(
  definition: Dynamic,
  requests: Dynamic[],
  context: HandlerContext,
): AsyncGenerator<Dynamic> {
  setHeaders(context, definition);
  let info: Dynamic = infoOf(context, requests);
  for (const data of definition?.responseData ?? []) {
    await Bun.sleep(definition.responseDelayMs);
    yield { payload: { data, ...(info ? { requestInfo: info } : {}) } };
    info = undefined;
  }
  if (definition?.error) throw errorOf(definition.error, info);
}

async function* answerBidi(
  messages: AsyncIterable<Dynamic>,
  context: HandlerContext,
): AsyncGenerator<Dynamic> {
  const requests: Dynamic[] = [];
  let definition: Dynamic;
  let sent = 0;
  for await (const request of messages) {
    if (requests.length === 0) definition = request.responseDefinition;
    if (requests.length === 0) setHeaders(context, definition);
    requests.push(request);
    if (!requests[0].fullDuplex) continue;
    const data = definition?.responseData[sent];
    if (data === undefined) break;
    await Bun.sleep(definition.responseDelayMs);
    const requestInfo =
      sent === 0 ? infoOf(context, [request]) : create(RequestInfo, infoOf0(request) as never);
    yield { payload: { data, requestInfo } };
    sent++;
  }
  if (!requests[0]?.fullDuplex) return yield* answerStreamHeadersSent(definition, requests, context);
  for (const data of definition?.responseData.slice(sent) ?? []) {
    await Bun.sleep(definition.responseDelayMs);
    yield { payload: { data, ...(sent === 0 ? { requestInfo: infoOf(context, requests) } : {}) } };
    sent++;
  }
  if (definition?.error) throw errorOf(definition.error, sent === 0 ? infoOf(context, requests) : undefined);
}

const infoOf0 = (request: Dynamic): Dynamic => ({
  requests: [anyPack(messageOf("BidiStreamRequest"), request)],
});

/** Headers were set when the first request came. */
function answerStreamHeadersSent(
  definition: Dynamic,
  requests: Dynamic[],
  context: HandlerContext,
): AsyncGenerator<Dynamic> {
  const without = definition && { ...definition, responseHeaders: [], responseTrailers: [] };
  return answerStream(without, requests, context);
}

function routes(router: ConnectRouter): void {
  const one = (request: Dynamic, context: HandlerContext) =>
    answerOnce(request.responseDefinition, [request], context);
  const implementation: Dynamic = {
    unary: one,
    idempotentUnary: one,
    serverStream: (request: Dynamic, context: HandlerContext) =>
      answerStream(request.responseDefinition, [request], context),
    async clientStream(messages: AsyncIterable<Dynamic>, context: HandlerContext) {
      const requests: Dynamic[] = [];
      for await (const request of messages) requests.push(request);
      return await answerOnce(requests[0]?.responseDefinition, requests, context);
    },
    bidiStream: answerBidi,
  };
  router.service(serviceOf(), implementation);
}

for await (const request of readMessages(messageOf("ServerCompatRequest"))) {
  const limit = request.messageReceiveLimit || undefined;
  // Errors leave as they were thrown: the suite compares their details.
  const options = {
    routes,
    registry,
    answer: (handler: Dynamic) => handler,
    ...(limit ? { maxMessageBytes: limit, maxAnswerBytes: 2 * limit + 8_192 } : {}),
  };
  let port: number;
  if (request.httpVersion === HTTP_1) {
    const app = new Hono();
    mountConnect(app, options);
    port = createHttpListener({ app }).port;
  } else {
    port = (await createGrpcListener(options)).port;
  }
  writeMessage(messageOf("ServerCompatResponse"), { host: "127.0.0.1", port });
}

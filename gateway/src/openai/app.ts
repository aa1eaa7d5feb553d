/** The OpenAI-compatible HTTP API as a fetch handler; kit's listener adds `/metrics` and the Connect routes. */
import { type Context as HonoContext, Hono } from "hono";
import type { KeyGate } from "#kit/auth.ts";
import { TrimtabError } from "#kit/errors.ts";
import { acceptRequestId, REQUEST_ID_HEADER } from "#kit/interceptors.ts";
import { heardToEnd } from "#kit/stream-end.ts";
import { TRACE_HEADER, traceHeaders } from "#kit/tracing.ts";
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import { LIMITS } from "../limits.ts";
import { withOurNames } from "./aliases.ts";
import { type JsonObject, readJsonObject } from "./body.ts";
import { chatAnswer, chatChunks } from "./chat.ts";
import { completionAnswer, completionChunks } from "./completions.ts";
import { embeddingAnswer } from "./embeddings.ts";
import type { StreamOptions } from "./frame.ts";
import { idempotencyKey } from "./idempotency.ts";
import { listModels, oneModel } from "./models.ts";
import { type GivenNames, HttpProblem, problemResponse } from "./problems.ts";
import { strategiesJson } from "./scaling.ts";
import { type CommonBody, parseChatBody, parseCompletionBody, parseEmbeddingBody } from "./schema.ts";
import { eventStream, type Push } from "./sse.ts";
import { withoutUnsupported } from "./unsupported.ts";
import { waitsMsOf } from "./waits.ts";

type Api<B extends CommonBody> = {
  parse(body: JsonObject): B;
  answer(gateway: GatewayContext, body: B, scope: CallScope): Promise<object>;
  chunks(
    gateway: GatewayContext,
    body: B,
    scope: CallScope,
    options: StreamOptions,
  ): AsyncGenerator<object, void>;
};

const CHAT = { parse: parseChatBody, answer: chatAnswer, chunks: chatChunks };
const COMPLETIONS = { parse: parseCompletionBody, answer: completionAnswer, chunks: completionChunks };

/** What is known of a request while it is answered. */
interface Known {
  /** The caller's, or one made here. */
  requestId: string;
  /** The client's names of fields, once the body was read. */
  givenNames?: GivenNames;
}
type Context = HonoContext<{ Variables: Known }>;

/** The app, as a fetch handler. */
export type OpenAiApp = Hono<{ Variables: Known }>;

/** Endpoints of later versions, and what they would do. */
const LATER: Readonly<Record<string, string>> = {
  "/v1/responses": "the responses API",
  "/v1/images/generations": "images",
  "/v1/audio/speech": "audio",
  "/v1/audio/transcriptions": "audio",
};

/** Creates the app. `gate` guards everything but `/health` and `page`, the playground's routes. */
export function createOpenAiApp(gateway: GatewayContext, gate: KeyGate, page: Hono): OpenAiApp {
  const app: OpenAiApp = new Hono();
  app.use(async (context, next) => {
    const id = acceptRequestId(context.req.header(REQUEST_ID_HEADER));
    context.set("requestId", id);
    await next();
    context.res.headers.set(REQUEST_ID_HEADER, id);
  });
  app.use("/v1/*", async (context, next) => {
    gate.check(context.req.raw.headers);
    await next();
  });
  app.route("/", page);
  app.get("/health", async (context) => {
    if (await gateway.ready()) return context.json({ status: "ok" });
    const message = "no model is loaded, or its engine does not answer in time";
    throw new TrimtabError("SERVICE_UNAVAILABLE", message, { limit: `${LIMITS.scrapeMs} ms` });
  });
  app.get("/v1/models", async (context) =>
    context.json(await listModels(gateway, scopeOf(gateway, context))),
  );
  app.get("/v1/models/:id{.+}", async (context) =>
    context.json(await oneModel(gateway, context.req.param("id"), scopeOf(gateway, context))),
  );
  app.get("/v1/strategies", (context) => context.json(strategiesJson()));
  app.post("/v1/chat/completions", (context) => complete(gateway, context, CHAT));
  app.post("/v1/completions", (context) => complete(gateway, context, COMPLETIONS));
  app.post("/v1/embeddings", async (context) => {
    const body = parseEmbeddingBody(underOurNames(context, await readJsonObject(context.req.raw)));
    return context.json(await embeddingAnswer(gateway, body, scopeOf(gateway, context)));
  });
  for (const [path, what] of Object.entries(LATER)) {
    app.post(path, () => {
      throw new TrimtabError("UNSUPPORTED", `not available in this version: ${what}`);
    });
  }
  app.all("*", (context) => unknownRoute(app, context));
  app.onError((error, context) => problemResponse(error, context.get("givenNames")));
  return app;
}

async function complete<B extends CommonBody>(
  gateway: GatewayContext,
  context: Context,
  api: Api<B>,
): Promise<Response> {
  const given = await readJsonObject(context.req.raw);
  const body = api.parse(underOurNames(context, given));
  if (body.stream !== true && body.stream_options !== undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", "stream_options needs stream: true", {
      field: "stream_options",
    });
  }
  const scope = scopeOf(gateway, context);
  const { headers } = context.req.raw;
  if (body.stream !== true) {
    const answer = await gateway.idempotent.once(headers, given, () => api.answer(gateway, body, scope));
    return context.body(answer, { headers: { "content-type": "application/json" } });
  }
  if (idempotencyKey(headers) !== undefined) {
    throw new TrimtabError("UNSUPPORTED", "a stream has no idempotency key", { field: "idempotency-key" });
  }
  const left = new AbortController();
  const inner = { ...scope, signal: AbortSignal.any([scope.signal, left.signal]) };
  const includeUsage = body.stream_options?.include_usage === true;
  const open = (push: Push) =>
    heardToEnd(api.chunks(gateway, body, inner, { includeUsage, push }), context.env);
  return eventStream(open, () => left.abort(), context.get("givenNames"));
}

/** A body as its schema knows it. From here on an error calls its parameter as the client did. */
function underOurNames(context: Context, given: JsonObject): JsonObject {
  const { body, given: names } = withOurNames(given);
  context.set("givenNames", names);
  return withoutUnsupported(body);
}

function scopeOf({ callerOf, termsOf }: GatewayContext, context: Context): CallScope {
  const { signal, headers } = context.req.raw;
  return {
    signal,
    waitsMs: waitsMsOf(headers),
    headers: { [REQUEST_ID_HEADER]: context.get("requestId"), ...traceHeaders(headers.get(TRACE_HEADER)) },
    caller: callerOf(headers),
    terms: termsOf(headers),
  };
}

function unknownRoute(app: OpenAiApp, { req }: Context): Response {
  const methods = app.routes
    .filter((route) => route.path === req.path && route.method !== "ALL")
    .map((route) => route.method);
  if (methods.length === 0)
    return problemResponse(new HttpProblem(404, "not_found", "there is no such endpoint"));
  const allowed = methods.join(", ");
  const refused = problemResponse(
    new HttpProblem(405, "method_not_allowed", `this endpoint takes ${allowed}`),
  );
  refused.headers.set("allow", allowed);
  return refused;
}

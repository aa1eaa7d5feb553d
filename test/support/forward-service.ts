/** A forward service over the synthetic model, called through its schema by an in-memory transport. */
import { afterAll } from "bun:test";
import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { createPushable } from "#kit/streams.ts";
import {
  type Event,
  ForwardService,
  type LoadModelRequestSchema,
  type Model,
  type SessionRequest,
  SessionRequestSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { ForwardServiceOptions } from "../../services/forward/index.ts";
import { createForwardService } from "../../services/forward/index.ts";
import { failure } from "./forward-engine.ts";
import { writeSyntheticModel } from "./synthetic-model.ts";

/** A message of a session without its digest. */
export type SessionMessage = Omit<MessageInitShape<typeof SessionRequestSchema>, "$typeName">;

const STREAMING = new Set(["tokens", "activation", "parked"]);

/** Starts a service; `options` go to the service. */
export async function startForward(options: Partial<ForwardServiceOptions> = {}) {
  const modelPath = await writeSyntheticModel();
  const service = await createForwardService({ modelPath, threads: 1, contextTokens: 512, ...options });
  const router = { interceptors: serverInterceptors() };
  const client = createClient(ForwardService, createRouterTransport(service.routes, { router }));
  const modelDigest = service.models()[0]?.digest ?? "";
  return {
    service,
    client,
    modelDigest,
    /** Sends messages, collects events until as many commands are answered, then ends the stream. */
    async session(...messages: SessionMessage[]): Promise<Event[]> {
      const requests = createPushable<SessionRequest>();
      const commands = messages.flatMap((message) => message.commands ?? []).length;
      for (const message of messages)
        requests.push(create(SessionRequestSchema, { modelDigest, ...message }));
      const events: Event[] = [];
      for await (const message of client.session(requests)) {
        events.push(...message.events);
        if (events.filter(({ event }) => !STREAMING.has(event.case ?? "")).length === commands)
          requests.end();
      }
      return events;
    },
    /** KV pages in use. */
    async usedPages(): Promise<number> {
      const { model } = await client.getModel({});
      return (model?.kvMemory?.pages ?? 0) - (model?.kvMemory?.freePages ?? 0);
    },
    /** Resolves when no KV page is in use. */
    async emptied(): Promise<void> {
      while ((await this.usedPages()) > 0) await Bun.sleep(1);
    },
  };
}

/** A service for the tests of one file, which asks for it at its top; it ends with them. */
export async function startForwardForFile(options?: Partial<ForwardServiceOptions>) {
  const forward = await startForward(options);
  afterAll(() => forward.service.close());
  return forward;
}

/** Loads a model to the end; its progress as fractions, and the model. */
export async function loadModel(
  client: Client<typeof ForwardService>,
  request: MessageInitShape<typeof LoadModelRequestSchema>,
): Promise<{ model: Model | undefined; progress: number[] }> {
  const progress: number[] = [];
  let model: Model | undefined;
  for await (const { event } of client.loadModel(request)) {
    if (event.case === "model") model = event.value;
    if (event.case === "progress") {
      progress.push(Number(event.value.loadedBytes) / Number(event.value.totalBytes));
    }
  }
  return { model, progress };
}

/** Reads a stream to its end, or to its error. */
export async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** The reason a call fails with. */
export async function reasonOf(promise: Promise<unknown>): Promise<string> {
  return fromConnectError(await failure(promise)).reason;
}

/** An open command. */
export const openCommand = (sequenceId: bigint, ids: number[], extra = {}) => ({
  commandId: 100n + sequenceId,
  command: { case: "open" as const, value: { sequenceId, ids, ...extra } },
});

/** A greedy generation of five tokens. */
export const generateCommand = (sequenceId: bigint, extra = {}) => ({
  commandId: 200n + sequenceId,
  command: {
    case: "generate" as const,
    value: { sequenceId, maxTokens: 5, sampling: { temperature: 0 }, ignoreModelStop: true, ...extra },
  },
});

/** Token ids a sequence generated. */
export const tokensOf = (events: readonly Event[], id: bigint): number[] =>
  events.flatMap(({ sequenceId, event }) =>
    sequenceId === id && event.case === "tokens" ? event.value.tokens.map((token) => token.id) : [],
  );

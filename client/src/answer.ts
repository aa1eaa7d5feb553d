/** One running Generate: its events as they come, and what can be done to it meanwhile. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import type {
  GatewayService,
  GenerateResponse,
  GenerationSpecSchema,
} from "../../proto/gen/trimtab/gateway/v1/gateway_service_pb.ts";
import { following } from "./streams.ts";

/** An event of an answer, told apart by `case`: started, planned, delta, finished, verdicts, search, completed. */
export type AnswerEvent = Exclude<GenerateResponse["event"], { case: undefined }>;

/** What to generate, as plain fields of `GenerationSpec`. */
export type Spec = Extract<MessageInitShape<typeof GenerationSpecSchema>, { $typeName?: never }>;

/** A running answer. It can be looped over once; leaving the loop, an error or `cancel` end it on the server, too. */
export interface Answer extends AsyncIterable<AnswerEvent> {
  /** Runs the answer to its end. @returns the text of choice 0. @throws TrimtabError */
  text(): Promise<string>;
  /** Changes the strength of its steering from the next token on. @throws TrimtabError before `started` has come. */
  steer(scale: number): Promise<void>;
  /** Ends it; the loop over it throws a TrimtabError with reason CANCELLED. */
  cancel(): void;
}

/**
 * Prepares an answer; the call is made when its events are first asked for.
 * @param client whose streams end their call when they are left.
 */
export function createAnswer(
  client: Pick<Client<typeof GatewayService>, "generate" | "steer">,
  spec: Spec,
  options: CallOptions = {},
): Answer {
  const stop = following(options.signal);
  let generationId = "";

  async function* events(): AsyncGenerator<AnswerEvent, void, undefined> {
    try {
      for await (const { event } of client.generate({ spec }, { ...options, signal: stop.signal })) {
        if (event.case === "started") generationId = event.value.generationId;
        if (event.case !== undefined) yield event;
      }
    } finally {
      stop.abort();
    }
  }

  const running = events();
  return {
    [Symbol.asyncIterator]: () => running,
    async text() {
      let text = "";
      for await (const event of running) {
        if (event.case === "delta" && event.value.choice === 0) text += event.value.text;
      }
      return text;
    },
    async steer(scale) {
      await client.steer({ generationId, scale });
    },
    cancel: () => stop.abort(),
  };
}

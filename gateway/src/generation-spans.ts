/** Spans of one generation: the request, each choice or candidate within it, each step within that. */
import { startSpan, TRACE_HEADER, traceHeaders, type RunningSpan } from "#kit/tracing.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import type {
  GenerateResponse,
  GenerationSpec,
  SearchEvent,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { CallScope } from "./clients.ts";

/** The trace of one generation. */
export interface GenerationSpans {
  /** The scope whose calls are part of it. */
  readonly scope: CallScope;
  /** What the stream of the generation says. */
  event(response: GenerateResponse): void;
  /** It is over; whatever is open ends with it. */
  end(error?: unknown): void;
}

/** Begins the span of a request. */
export function traceGeneration(spec: GenerationSpec | undefined, scope: CallScope): GenerationSpans {
  const attributes = {
    "trimtab.request_id": scope.headers?.["x-request-id"] ?? "",
    "trimtab.steered": spec?.steering !== undefined,
    "trimtab.strategy": spec?.scaling?.strategy ?? "",
  };
  const request = startSpan("generation", scope.headers?.[TRACE_HEADER], { attributes });
  const open = new Map<string, RunningSpan>();
  const begun = new Set<number>();
  const begin = (name: string, numbers: Record<string, number>, within: RunningSpan = request): void =>
    void open.set(keyOf(name, numbers), within.child(name, numbers));
  const end = (
    name: string,
    numbers: Record<string, number>,
    set: Record<string, string | number | boolean> = {},
  ): void => {
    const key = keyOf(name, numbers);
    open.get(key)?.set(set);
    open.get(key)?.end();
    open.delete(key);
  };
  const onSearch = (event: SearchEvent["event"]): void => {
    if (event.case === "candidate") {
      const { candidate } = event.value;
      begin("candidate", { candidate });
      begin("step", { candidate }, open.get(keyOf("candidate", { candidate })));
    }
    if (event.case === "step") {
      const { candidate, tokens, depth, ended } = event.value;
      end("step", { candidate }, { tokens, depth });
      if (ended === FinishReason.UNSPECIFIED)
        begin("step", { candidate }, open.get(keyOf("candidate", { candidate })));
      else end("candidate", { candidate }, { ended: FinishReason[ended] });
    }
  };
  return {
    scope: {
      ...scope,
      headers: { ...scope.headers, ...traceHeaders(request.traceparent) },
      ...(request.isRecording ? { onSearch } : {}),
    },
    event({ event }) {
      if (event.case === "started")
        request.set({ model: event.value.model, prompt_tokens: event.value.promptTokens });
      if (event.case === "planned") request.set({ gate: event.value.report?.gate ?? 0 });
      if (event.case === "delta" && !begun.has(event.value.choice)) {
        begun.add(event.value.choice);
        begin("choice", { choice: event.value.choice });
      }
      if (event.case === "finished") {
        const { choice, steered, reason } = event.value;
        end("choice", { choice }, { steered, ended: FinishReason[reason] });
      }
      if (event.case === "completed")
        request.set({ completion_tokens: event.value.usage?.completionTokens ?? 0 });
    },
    end(error) {
      for (const span of open.values()) span.end();
      request.end(error);
    },
  };
}

const keyOf = (name: string, numbers: Record<string, number>): string =>
  `${name} ${Object.values(numbers).join()}`;

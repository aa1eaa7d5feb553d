/** All services over the default model, in this process: what a client does with artifacts of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createGateway, type GatewayOptions } from "../../../gateway/index.ts";
import { createForwardService } from "../../../services/forward/index.ts";
import { createSteeringService } from "../../../services/steering/index.ts";
import { createTokenizerService } from "../../../services/tokenizer/index.ts";
import { createVerifierService } from "../../../services/verifier/index.ts";

/** What a steered choice says under `trimtab`. */
export interface ChoiceExtras {
  readonly steered: boolean;
  readonly gate?: number;
  readonly rule?: string;
  readonly proof?: readonly { site: string; layer: number; rows: number; mean_relative_change: number }[];
}

/** An answer of /v1/chat/completions, as far as tests look at it. */
export interface ChatAnswer {
  readonly status: number;
  readonly error?: { readonly code: string; readonly message: string; readonly param: string | null };
  readonly text: string;
  readonly extras: ChoiceExtras;
}

/** Starts the services. */
export async function startRealStack(options: Pick<GatewayOptions, "allowAblation" | "audit"> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-real-"));
  const modelPath = defaultModelPath();
  const forward = await createForwardService({ modelPath, threads: 1, contextTokens: 512 });
  const tokenizer = await createTokenizerService({ modelPath });
  const reading = {
    forward: connectTo({ routes: forward.routes }).client(ForwardService),
    tokenizer: connectTo({ routes: tokenizer.routes }).client(TokenizerService),
  };
  const store = createArtifactStore(join(directory, "store"));
  const verifierRoom = createVerifierService({ clients: reading, store });
  const verifier = connectTo({ routes: verifierRoom.routes }).client(VerifierService);
  const steeringRoom = createSteeringService({ clients: { ...reading, verifier }, store });
  const steering = connectTo({ routes: steeringRoom.routes }).client(SteeringService);
  const gateway = createGateway({
    clients: { ...reading, verifier, steering },
    gate: createKeyGate({ apiKey: "" }),
    ...options,
  });
  const { model } = await reading.forward.getModel({});
  /** POSTs JSON to the OpenAI-compatible API. */
  const post = async (path: string, body: object, headers: Record<string, string> = {}) =>
    gateway.app.request(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: model?.name, ...body }),
    });
  return {
    ...reading,
    post,
    steering,
    store,
    client: connectTo({ routes: gateway.routes }).client(GatewayService),
    model: model as NonNullable<typeof model>,
    /** Asks for a greedy answer of a few tokens. */
    async chat(prompt: string, steeringUse?: object, maxTokens = 4): Promise<ChatAnswer> {
      const response = await post("/v1/chat/completions", {
        messages: [{ role: "user", content: prompt }],
        temperature: 0,
        max_tokens: maxTokens,
        ...(steeringUse && { steering: steeringUse }),
      });
      const answer = (await response.json()) as {
        error?: ChatAnswer["error"];
        choices?: { message: { content: string }; trimtab: ChoiceExtras }[];
      };
      const choice = answer.choices?.[0];
      return {
        status: response.status,
        ...(answer.error && { error: answer.error }),
        text: choice?.message.content ?? "",
        extras: choice?.trimtab ?? { steered: false },
      };
    },
    async close(): Promise<void> {
      gateway.close();
      await steeringRoom.close();
      await verifierRoom.close();
      tokenizer.close();
      await forward.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** The services, started. */
export type RealStack = Awaited<ReturnType<typeof startRealStack>>;

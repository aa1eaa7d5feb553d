/** The steering service over the real engine with the synthetic model; a tokenizer of whole words stands in for the other. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client, ConnectRouter } from "@connectrpc/connect";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { connectTo } from "#kit/clients.ts";
import {
  type FitArtifactRequestSchema,
  SteeringService,
  type SteeringUseSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import type { Artifact } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type Activation, Pooling, type Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createSteeringService } from "../../../../services/steering/index.ts";
import { startForward } from "../../../support/forward-service.ts";
import { VOCABULARY } from "../../../support/synthetic-model.ts";
import { writeSmallRecipe } from "./small-recipe.ts";

type ForwardClient = Client<typeof ForwardService>;

const TEMPLATE = ["<user>"];
const END = ["<end>", "<assistant>"];

/** Words to ids; a word that was never seen gets the next one. */
function createWords() {
  const ids = new Map<string, number>();
  const idOf = (word: string): number => {
    const known = ids.get(word);
    if (known !== undefined) return known;
    const next = 3 + (ids.size % (VOCABULARY - 3));
    ids.set(word, next);
    return next;
  };
  return (text: string): number[] => text.split(/\s+/).filter(Boolean).map(idOf);
}

function tokenizerRoutes(encode: (text: string) => number[]) {
  return (router: ConnectRouter): void => {
    router.service(TokenizerService, {
      encode: ({ texts }) => ({ encodings: texts.map((text) => ({ ids: encode(text) })) }),
      renderChat({ messages, continuation }) {
        const more = encode(continuation);
        const prompt = encode([...TEMPLATE, messages.at(-1)?.content ?? "", ...END].join(" "));
        return { ids: [...prompt, ...more], prefixTokens: TEMPLATE.length, continuationTokens: more.length };
      },
    });
    router.service(VerifierService, {});
  };
}

/** Starts forward and steering. @param watched what steering is given for forward's client */
export async function startSyntheticStack(
  watched: (forward: ForwardClient) => ForwardClient = (forward) => forward,
) {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-synthetic-"));
  const forward = await startForward();
  const encode = createWords();
  const other = connectTo({ routes: tokenizerRoutes(encode) });
  const clients = {
    forward: watched(forward.client),
    tokenizer: other.client(TokenizerService),
    verifier: other.client(VerifierService),
  };
  const store = createArtifactStore(join(directory, "store"));
  const room = createSteeringService({
    clients,
    store,
    recipesDir: writeSmallRecipe(join(directory, "recipes")),
  });
  const client = connectTo({ routes: room.routes }).client(SteeringService);
  const { modelDigest } = forward;
  const { model } = await forward.client.getModel({});
  const idsOf = (prompt: string): number[] => encode([...TEMPLATE, prompt, ...END].join(" "));

  async function capture(request: Parameters<typeof forward.client.capture>[0]): Promise<Activation[]> {
    const activations: Activation[] = [];
    for await (const part of forward.client.capture(request)) activations.push(...part.activations);
    return activations;
  }
  /** Plans a prompt as the gateway does. */
  async function plan(prompt: string, use: MessageInitShape<typeof SteeringUseSchema>) {
    const { taps } = await client.getRequirements({ modelDigest, steering: use });
    const items = [{ ids: idsOf(prompt) }];
    const activations = taps.length === 0 ? [] : await capture({ modelDigest, items, taps });
    const planned = await client.plan({ modelDigest, steering: use, activations });
    const programDigest = planned.program?.programDigest ?? "";
    if (programDigest !== "") {
      const { program } = await client.getProgram({ programDigest });
      if (program) await forward.client.putProgram({ program });
    }
    return planned;
  }
  return {
    client,
    forward: forward.client,
    modelDigest,
    model: model as NonNullable<typeof model>,
    store,
    plan,
    idsOf,
    encode,
    /** Fits a method to the small recipe; answers with the artifact. */
    async fit(request: MessageInitShape<typeof FitArtifactRequestSchema>): Promise<Artifact | undefined> {
      let artifact: Artifact | undefined;
      for await (const { event } of client.fitArtifact({
        modelDigest,
        recipe: "refusal",
        force: true,
        ...request,
      }))
        if (event.case === "artifact") artifact = event.value;
      return artifact;
    },
    /** The row at a site of a block at the last token of a prompt; under a use, if one is given. */
    async row(prompt: string, site: Site, layer: number, use?: MessageInitShape<typeof SteeringUseSchema>) {
      const program = use && (await plan(prompt, use)).program;
      const taps = [{ site, layers: [layer], positions: TapPositions.LAST, pooling: Pooling.NONE }];
      const items = [{ ids: idsOf(prompt) }];
      const [activation] = await capture({ modelDigest, items, taps, ...(program ? { program } : {}) });
      return new Float32Array(new Uint8Array(activation?.values?.data ?? []).buffer);
    },
    async close(): Promise<void> {
      await room.close();
      await forward.service.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** The running services. */
export type SyntheticStack = Awaited<ReturnType<typeof startSyntheticStack>>;

/** Fits directions of two methods in blocks 1 and 2: "mean" and "noise". */
export async function fitTwoDirections(stack: SyntheticStack): Promise<void> {
  for (const [name, method] of [
    ["mean", "response_contrast"],
    ["noise", "random_direction"],
  ] as const)
    await stack.fit({ name, method, options: { layers: [1, 2] } });
}

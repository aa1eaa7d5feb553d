// A verifier service reached by its client in this process, and model services with known answers.

import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError, type TrimtabError } from "#kit/errors.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import {
  type ScoreItemSchema,
  type Verdict,
  VerifierService,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createVerifierService } from "../../../services/verifier/index.ts";
import type { VerifierClients } from "../../../services/verifier/src/verifier.ts";

/** An item as a test writes it. */
export type ItemInit = MessageInitShape<typeof ScoreItemSchema>;

/** A client of a fresh service. */
export function openVerifier(clients?: VerifierClients) {
  const service = createVerifierService(clients === undefined ? {} : { clients });
  const connection = connectTo({ routes: service.routes });
  return { client: connection.client(VerifierService), close: service.close };
}

const withoutModel = openVerifier();

/** Verdicts of one verifier on items. */
export async function judge(
  name: string,
  parameters: JsonObject,
  items: readonly ItemInit[],
  clients?: VerifierClients,
): Promise<Verdict[]> {
  const { client } = clients === undefined ? withoutModel : openVerifier(clients);
  const response = await client.score({ items: [...items], verifiers: [{ name, parameters }] });
  return response.items.flatMap(({ verdicts }) => verdicts);
}

/** Verdicts of one verifier on texts, as `score label` or `failure`. */
export async function judgeTexts(
  name: string,
  parameters: JsonObject,
  texts: readonly string[],
): Promise<string[]> {
  const verdicts = await judge(
    name,
    parameters,
    texts.map((text) => ({ text })),
  );
  return verdicts.map(({ score, label, failure }) => (score === undefined ? failure : `${score} ${label}`));
}

/** The typed error a call ends with. */
export async function errorOf(call: Promise<unknown>): Promise<TrimtabError> {
  try {
    await call;
  } catch (error) {
    return fromConnectError(error);
  }
  throw new Error("the call was expected to fail");
}

/** A tokenizer that knows characters, and a model whose log-probability of a character is given. */
export function fakeModel(logprobOf: (id: number) => number): VerifierClients {
  return characterModel(({ items }) => ({
    items: items.map(({ ids, first }) => ({
      tokens: ids.slice(first).map((id) => ({ id, logprob: logprobOf(id) })),
    })),
    usage: { prefilledTokens: items.length },
  }));
}

/** A tokenizer that knows characters, and a model that scores as given. */
export function characterModel(
  score: NonNullable<ServiceImpl<typeof ForwardService>["score"]>,
): VerifierClients {
  const idsOf = (text: string) => [...text].map((char) => char.codePointAt(0) ?? 0);
  const routes = (router: ConnectRouter) => {
    router.service(TokenizerService, {
      encode: ({ texts }) => ({ encodings: texts.map((text) => ({ ids: idsOf(text) })) }),
      renderChat: ({ messages }) => ({ ids: idsOf(messages.map(({ content }) => content).join("\n")) }),
    });
    router.service(ForwardService, { score });
  };
  const connection = connectTo({ routes });
  return { tokenizer: connection.client(TokenizerService), forward: connection.client(ForwardService) };
}

/** An f32 tensor. */
export function tensorOf(values: readonly number[], shape: number[]) {
  return { dataType: 1, shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

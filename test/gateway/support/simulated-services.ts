/** The four simulated services behind in-memory transports, and a gateway on top of them. */
import { createGateway, type Gateway, type GatewayClients } from "../../../gateway/index.ts";
import type { AdmissionLimits } from "../../../gateway/src/admission/admission.ts";
import { createKeyGate, type KeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { TrimtabError } from "#kit/errors.ts";
import type { Metrics } from "#kit/metrics.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import {
  type ScoreRequest,
  VerifierAccess,
  VerifierKind,
  VerifierService,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import type { Client } from "@connectrpc/connect";
import { Site } from "./proto.ts";
import { createForwardBench, type ForwardBench, simulatedForward } from "./simulated-forward.ts";
import { type SteeringBench, simulatedSteering } from "./simulated-steering.ts";
import { encode, simulatedTokenizer } from "./simulated-tokenizer.ts";

/** A gateway over simulated services, and what a test may turn and read. */
export interface SimulatedStack {
  readonly gateway: Gateway;
  readonly client: Client<typeof GatewayService>;
  readonly clients: GatewayClients;
  readonly forward: ForwardBench;
  readonly steering: SteeringBench;
  verifier: SimulatedVerifier;
  /** POSTs JSON to the OpenAI-compatible API. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
}

interface SimulatedVerifier {
  /** Called before each Score; a throw is its failure. */
  before: (request: ScoreRequest) => Promise<void> | void;
  /** Score of a text, or the reason of a failed verdict. */
  judge: (text: string) => number | string;
  /** Tokens that a call is billed with if the verifier does not ask the model; one that does reads every text. */
  billed: number;
}

/** Tokens that the verifier which asks the model reads besides the text. */
export const QUESTION_TOKENS = 5;
const SIMULATED_VERIFIERS = [
  { name: "words", kind: VerifierKind.OUTCOME, needs: ["text"] },
  { name: "steps", kind: VerifierKind.PROCESS, needs: ["text"] },
  {
    ...{ name: "pairs", kind: VerifierKind.OUTCOME, needs: ["text"] },
    ...{ comparesItems: true, maxItems: 2 },
  },
  { name: "peaks", kind: VerifierKind.PROCESS, needs: ["tokens", "alternatives"] },
  { name: "asker", kind: VerifierKind.OUTCOME, access: VerifierAccess.SELF, needs: ["messages", "text"] },
  {
    ...{ name: "probe", kind: VerifierKind.PROCESS, needs: ["activations"] },
    taps: [{ site: Site.RESIDUAL, layers: [3] }],
  },
  {
    ...{ name: "deep_probe", kind: VerifierKind.PROCESS, needs: ["activations"] },
    taps: [{ site: Site.RESIDUAL, layers: [5] }],
  },
];

/** What a stack may be made with. */
export interface StackOptions {
  /** Guards its HTTP API. */
  readonly apiKey?: string;
  readonly tokenizer?: typeof simulatedTokenizer;
  readonly gate?: KeyGate;
  readonly metrics?: Metrics;
  readonly admission?: Partial<AdmissionLimits>;
}

/** Creates a stack; without key or gate everybody is served. */
export function createSimulatedStack(options: StackOptions = {}): SimulatedStack {
  const forward = createForwardBench();
  const steering: SteeringBench = { before: () => undefined, calls: [], artifacts: new Map() };
  const verifier: SimulatedVerifier = {
    before: () => undefined,
    judge: (text) => Math.min(1, text.split(" ").length / 10),
    billed: 7,
  };
  const clients: GatewayClients = {
    tokenizer: connectTo({
      routes: (r) => r.service(TokenizerService, options.tokenizer ?? simulatedTokenizer),
    }).client(TokenizerService),
    forward: connectTo({ routes: (r) => r.service(ForwardService, simulatedForward(forward)) }).client(
      ForwardService,
    ),
    steering: connectTo({ routes: (r) => r.service(SteeringService, simulatedSteering(steering)) }).client(
      SteeringService,
    ),
    verifier: connectTo({
      routes: (r) =>
        r.service(VerifierService, {
          listVerifiers: () => ({ verifiers: SIMULATED_VERIFIERS }),
          getRequirements({ verifiers }) {
            const [use] = verifiers;
            const known = SIMULATED_VERIFIERS.find(({ name }) => name === use?.name);
            if (!known)
              throw new TrimtabError("VERIFIER_NOT_FOUND", "no such", { field: "verifiers[0].name" });
            return { requirements: [{ ...known, verifier: known.name }] };
          },
          async score(request) {
            await verifier.before(request);
            const bad = request.verifiers.findIndex(
              ({ name, parameters = {} }) => name !== "json_schema" && Object.keys(parameters).length > 0,
            );
            if (bad >= 0) throw new TrimtabError("UNKNOWN_FIELD", "words has no parameters");
            const verdictOn = (text: string) => {
              const isUnread = request.verifiers[0]?.name === "asker" && unread.has(text);
              const judged = isUnread ? "TOO_LARGE" : verifier.judge(text);
              return typeof judged === "string" ? { failure: judged } : { score: judged };
            };
            let read = 0;
            const unread = new Set<string>();
            for (const { text } of request.items) {
              const tokens = encode(text).length + QUESTION_TOKENS;
              if (request.maxTokens > 0 && read + tokens > request.maxTokens) unread.add(text);
              else read += tokens;
            }
            return {
              items: request.items.map(({ id, text }) => ({
                id,
                verdicts: request.verifiers.map(({ name }) => ({
                  verifier: name,
                  ...verdictOn(text),
                  label: text.slice(0, 4),
                })),
              })),
              verifiedTokens: request.verifiers[0]?.name === "asker" ? read : verifier.billed,
              cut: request.verifiers[0]?.name === "asker" && unread.size > 0,
            };
          },
        }),
    }).client(VerifierService),
  };
  const gateway = createGateway({
    ...(options.metrics ? { metrics: options.metrics } : {}),
    clients,
    gate: options.gate ?? createKeyGate({ apiKey: options.apiKey ?? "" }),
    ...(options.admission ? { admission: options.admission } : {}),
  });
  return {
    gateway,
    clients,
    forward,
    steering,
    verifier,
    client: connectTo({ routes: gateway.routes }).client(GatewayService),
    post: async (path, body, init = {}) =>
      gateway.app.request(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...init,
      }),
  };
}

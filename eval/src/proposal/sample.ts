/** The law of short answers, enumerated, and searches by a steered proposal under the condition that one of them comes out. */
import { hasReason } from "#kit/errors.ts";
import type { FinalEvent, ResampleEvent } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Keyed } from "../journal.ts";
import type { Services } from "../services.ts";
import type { Proposed } from "./estimate.ts";

/** What is asked, and what it is steered by. */
export interface ProposalTask {
  readonly question: string;
  /** Texts of exactly `tokens` tokens, one of which the answer must be. */
  readonly texts: readonly string[];
  readonly tokens: number;
  /** Texts of a direction: with what is wanted, and without. */
  readonly positive: readonly string[];
  readonly negative: readonly string[];
}

/** A search as it is kept. */
export interface ProposedRecord extends Proposed, Keyed {
  readonly dose: number;
}

/** The law of the answers, and how likely one of them comes out at all. */
export interface Law {
  readonly law: ReadonlyMap<string, number>;
  readonly chance: number;
}

/**
 * Openings that are French and nothing else, of a model that is asked in English: rare, known exactly, and what a direction to
 * French makes frequent.
 */
export const GREETING: ProposalTask = {
  question: "How do you greet a friend? Answer with one word.",
  texts: [
    ...["Bonjour", "Salut", "Merci", "Chère", "Mon am", "Je ne", "Je su", "Je m", "Je t", "J'", "C'"],
    ...["D'", "L'", "Qu'", "Vous", "Nous", "Une", "Oui", "Le plus", "Avec", "Dans", "Très"],
  ],
  tokens: 2,
  positive: [
    "Bonjour, comment allez-vous aujourd'hui ?",
    "Je suis très content de vous voir, mon ami.",
    "La maison est grande et le jardin est beau.",
    "Merci beaucoup, c'est vraiment gentil.",
    "Nous allons au marché acheter du pain et du fromage.",
    "Salut ! Tu viens avec nous ce soir ?",
  ],
  negative: [
    "Hello, how are you today?",
    "I am very happy to see you, my friend.",
    "The house is large and the garden is beautiful.",
    "Thank you very much, that is really kind.",
    "We are going to the market to buy bread and cheese.",
    "Hi! Are you coming with us tonight?",
  ],
};

/** Of one search, on a machine that has much else to do. */
const TIMEOUT_MS = 600_000;

const conversation = ({ question }: ProposalTask) => ({ messages: [{ role: "user", content: question }] });

/** Stores the direction of the task's texts, in place of what an earlier version made of them; answers with its digest. */
export async function storeDirection(
  { gateway }: Pick<Services, "gateway">,
  { positive, negative }: ProposalTask,
  name: string,
  model: string,
): Promise<string> {
  await gateway.deleteArtifact({ name }).catch((error: unknown) => {
    if (!hasReason(error, "ARTIFACT_NOT_FOUND")) throw error;
  });
  const texts = { positive: [...positive], negative: [...negative] };
  const { artifact } = await gateway.extractVector({ model, name, ...texts });
  return artifact?.digest ?? "";
}

/** Enumerates: the texts of exactly as many tokens, each with the probability that Score gives it. */
export async function enumerateLaw({ gateway }: Services, task: ProposalTask): Promise<Law> {
  const answers = [...task.texts];
  const { answers: scored } = await gateway.score({ conversation: conversation(task), answers });
  const chances = answers.flatMap((text, index) => {
    const { tokens } = scored[index]!;
    const logprob = tokens.reduce((sum, token) => sum + token.logprob, 0);
    return tokens.length === task.tokens ? [[text, Math.exp(logprob)] as const] : [];
  });
  const chance = chances.reduce((sum, [, p]) => sum + p, 0);
  return { chance, law: new Map(chances.map(([text, p]) => [text, p / chance])) };
}

/** One search; at dose 0 by the unsteered model itself. */
export async function propose(
  { gateway }: Services,
  task: ProposalTask,
  texts: Iterable<string>,
  {
    direction,
    dose,
    candidates,
    seed,
  }: { direction: string; dose: number; candidates: number; seed: number },
): Promise<Omit<ProposedRecord, "key">> {
  const pattern = [...texts].map(escapePattern).join("|");
  const use = { direction, dose: { dose: { case: "relative" as const, value: dose } } };
  const spec = {
    prompt: { case: "conversation" as const, value: conversation(task) },
    ...{ maxTokens: task.tokens, sampling: { temperature: 1, seed: BigInt(seed) } },
    ...(dose === 0 ? {} : { steering: { use } }),
    scaling: {
      ...{ strategy: "steered-proposal", budget: { candidates }, trace: true },
      verifier: { name: "regex", parameters: { pattern, match: "whole" } },
    },
  };
  let chosen = "";
  let weighed: ResampleEvent | undefined;
  let final: FinalEvent | undefined;
  let [tokensGenerated, tokensVerified] = [0, 0];
  for await (const { event } of gateway.generate({ spec }, { timeoutMs: TIMEOUT_MS })) {
    if (event.case === "delta") chosen += event.value.text;
    if (event.case === "search" && event.value.event.case === "resample") weighed = event.value.event.value;
    if (event.case === "search" && event.value.event.case === "final") final = event.value.event.value;
    if (event.case !== "completed") continue;
    tokensGenerated = event.value.usage?.scaling?.generatedTokens ?? 0;
    tokensVerified = event.value.usage?.scaling?.verifierTokens ?? 0;
  }
  const textOf = new Map(final?.candidates.map(({ candidate, text }) => [candidate, text]));
  return {
    ...{ dose, chosen, weights: weighed?.weights ?? [], tokensGenerated },
    texts: (weighed?.candidates ?? []).map((candidate) => textOf.get(candidate) ?? ""),
    effectiveSampleSize: weighed?.effectiveSampleSize ?? 0,
    // Unsteered, the probabilities a token was drawn with are the model's own: to read them again buys nothing.
    tokensVerified: dose === 0 ? 0 : tokensVerified,
  };
}

const escapePattern = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * The model as a judge of pairs: which of two answers is better? Every pair is asked in both orders and averaged, for
 * judges prefer a place (Zheng et al. 2023, arXiv 2306.05685). The score is the mean chance of winning against the others.
 * Cost: n (n - 1) prompts for n answers; none for a single one, which wins.
 */
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { JUDGE_LIMITS } from "../../limits.ts";
import { askModel, type Turn } from "../asking/ask-model.ts";
import { askEach } from "../asking/ask-each.ts";
import { wordsSchema } from "../asking/words-schema.ts";
import type { JudgeContext, Outcome, Verifier } from "../verifier.ts";

const CRITERION = "correctness";
const OPTIONS = ["A", "B"];
/** One answer wins, and the model is not asked. */
const ALONE: Outcome = { score: 1, reason: "there is no other answer" };

/** Creates the verifier "pairwise_judge". */
export function createPairwiseJudgeVerifier(): Verifier {
  return {
    name: "pairwise_judge",
    kind: "outcome",
    access: "self",
    needs: ["messages", "text"],
    comparesItems: true,
    maxItems: JUDGE_LIMITS.compared,
    labels: [],
    description: `The model compares up to ${JUDGE_LIMITS.compared} answers to one question, each pair in both orders.`,
    calibration: "a chance of winning within the batch; near 0.5 where the judge goes by the place",
    parameters: wordsSchema("criterion", `What is compared; default "${CRITERION}".`),
    prepare(parameters) {
      const { criterion = CRITERION } = parameters as { criterion?: string };
      return {
        score: (batch, context) => askEach(batch, (items) => compareAll(items, criterion, context)),
      };
    },
  };
}

async function compareAll(
  items: readonly ScoreItem[],
  criterion: string,
  context: JudgeContext,
): Promise<Outcome[]> {
  if (items.length > JUDGE_LIMITS.compared) {
    const reason = `pairs are judged among at most ${JUDGE_LIMITS.compared} answers, not ${items.length}`;
    return items.map(() => ({ failure: "FIELD_OUT_OF_RANGE", reason }));
  }
  if (items.length < 2) return items.map(() => ALONE);
  const pairs = items.flatMap((a, first) =>
    items.flatMap((b, second) => (first === second ? [] : [{ a, b, first, second }])),
  );
  const answers = await askModel(
    pairs.map(({ a, b }) => questionOf(a, b, criterion)),
    OPTIONS,
    context,
  );
  const failed = answers.find((answer) => "failure" in answer);
  if (failed !== undefined && "failure" in failed) return items.map(() => failed);
  const wins = items.map(() => 0);
  let placed = 0;
  for (const [index, { first, second }] of pairs.entries()) {
    const [a = Number.NaN, b = Number.NaN] = answers[index] as readonly number[];
    wins[first] = (wins[first] ?? 0) + a;
    wins[second] = (wins[second] ?? 0) + b;
    placed += a / pairs.length;
  }
  const reason = `the first place wins ${(100 * placed).toFixed(1)} % of comparisons`;
  return wins.map((won) => ({ score: won / (2 * (items.length - 1)), reason }));
}

function questionOf({ messages, text }: ScoreItem, other: ScoreItem, criterion: string): Turn[] {
  const compared = `Answer A:\n${text}\n\nAnswer B:\n${other.text}\n\n`;
  const question = `Which answer to my last message is better by ${criterion}? Reply with A or B only.`;
  return [
    ...messages,
    { role: "assistant", content: "I have two answers." },
    { role: "user", content: compared + question },
  ];
}

/** Grades by the referee: right or wrong, and votes. A grade is 1 where the outcome verifier gives full score. */
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { Services } from "./services.ts";
import type { AnswerForm, Checker } from "./task.ts";

const FORMS: Record<AnswerForm, string> = { number: "number", line: "last_line", text: "text" };

/** Items of one request. */
const TOGETHER = 256;

/** Which of the texts, as finished answers, are right. @throws Error if the checker could not be run at all. */
export async function grade(
  referee: Services["referee"],
  texts: readonly string[],
  checker: Checker,
): Promise<boolean[]> {
  const grades: boolean[] = [];
  for (let at = 0; at < texts.length; at += TOGETHER) {
    grades.push(...(await gradeSome(referee, texts.slice(at, at + TOGETHER), checker)));
  }
  return grades;
}

async function gradeSome(
  referee: Services["referee"],
  texts: readonly string[],
  checker: Checker,
): Promise<boolean[]> {
  const ended = texts.map((text) => ({ text, finishReason: FinishReason.STOP }));
  const { items } = await referee.score({ items: ended, verifiers: [checker] });
  return items.map(({ verdicts }) => {
    const [verdict] = verdicts;
    // Code that had to be killed is not right; anything else that fails is the referee's fault.
    if (verdict?.score === undefined && verdict?.failure !== "DEADLINE_EXCEEDED") {
      throw new Error(`the referee's ${checker.name} failed: ${verdict?.failure} ${verdict?.reason}`);
    }
    return verdict.score === 1;
  });
}

/** Index of the first text of the majority; undefined if none has an answer. */
export async function majority(
  referee: Services["referee"],
  texts: readonly string[],
  form: AnswerForm,
): Promise<number | undefined> {
  const use = { name: "vote_share", parameters: { answer: FORMS[form] } };
  const { items } = await referee.score({ items: texts.map((text) => ({ text })), verifiers: [use] });
  const shares = items.map(({ verdicts }) => verdicts[0]?.score ?? 0);
  const most = Math.max(...shares);
  return most > 0 ? shares.indexOf(most) : undefined;
}

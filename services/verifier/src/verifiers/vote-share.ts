/**
 * How many of the batch's answers agree with this one? Self-consistency's vote as a score: the share of answers, among
 * those that have one, with the same canonical spelling. Source: Wang et al. 2022, arXiv 2203.11171. Linear in the texts.
 */
import { VOTE_LIMITS } from "../../limits.ts";
import { ANSWER_FORMS, type AnswerForm, canonicalAnswer } from "../text/answers.ts";
import type { Verifier } from "../verifier.ts";

/** Creates the verifier "vote_share". */
export function createVoteShareVerifier(): Verifier {
  return {
    name: "vote_share",
    kind: "outcome",
    access: "none",
    needs: ["text"],
    comparesItems: true,
    labels: ["answered", "no_answer"],
    description:
      "Share of the batch's answers that agree with this one; an answer without the form has no vote.",
    calibration: "a share of votes; how often a majority is right depends on the model and the task",
    parameters: {
      type: "object",
      properties: {
        answer: { type: "string", enum: [...ANSWER_FORMS], description: "What is compared; default number." },
      },
      additionalProperties: false,
    },
    prepare(parameters) {
      const { answer = "number" } = parameters as { answer?: AnswerForm };
      return {
        score: (batch) => {
          const answers = batch.map(({ text }) =>
            text.length > VOTE_LIMITS.textChars ? TOO_LONG : canonicalAnswer(text, answer),
          );
          const votes = new Map<string, number>();
          for (const one of answers) {
            if (typeof one === "string") votes.set(one, (votes.get(one) ?? 0) + 1);
          }
          const voters = answers.filter((one) => typeof one === "string").length;
          return answers.map((one) => {
            if (one === TOO_LONG) {
              const reason = `the answer is longer than ${VOTE_LIMITS.textChars} characters`;
              return { failure: "TOO_LARGE", reason };
            }
            if (one === undefined)
              return { score: 0, label: "no_answer", reason: `no ${answer} to vote with` };
            const agreeing = votes.get(one) ?? 0;
            const reason = `${agreeing} of ${voters} answers agree`;
            return { score: agreeing / voters, label: "answered", reason };
          });
        },
      };
    },
  };
}

const TOO_LONG = Symbol("too long");

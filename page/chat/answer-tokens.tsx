/** The tokens of an answer as text that can be pointed at. Blocks that are full are not drawn again, so a long answer costs no more a frame than a short one. */
import { memo } from "preact/compat";
import type { Answer, AnswerToken } from "../state/conversation.ts";
import { pick, picked } from "../tokens/picked.ts";

const BLOCK_TOKENS = 64;

/** The first `count` tokens of an answer, a span a token; `count` tells Preact that the answer grew. */
export function AnswerTokens(props: {
  readonly answer: Answer;
  readonly turnId: string;
  readonly count: number;
}) {
  const { answer, turnId, count } = props;
  return (
    <p class="answer-text" dir="auto">
      {Array.from({ length: Math.ceil(count / BLOCK_TOKENS) }, (_, block) => {
        const from = block * BLOCK_TOKENS;
        const to = Math.min(count, from + BLOCK_TOKENS);
        return (
          <TokenBlock key={block} {...{ answer, turnId, from, to }} chosen={chosenIn(answer, from, to)} />
        );
      })}
    </p>
  );
}

/** Index of the picked token if it lies in the block, else -1: only that block is drawn again when the pick moves. */
function chosenIn(answer: Answer, from: number, to: number): number {
  const now = picked.value;
  return now && now.answer === answer && now.index >= from && now.index < to ? now.index : -1;
}

const TokenBlock = memo(function TokenBlock(props: {
  readonly answer: Answer;
  readonly turnId: string;
  readonly from: number;
  readonly to: number;
  readonly chosen: number;
}) {
  const { answer, turnId, from, to, chosen } = props;
  return (
    <>
      {answer.tokens.slice(from, to).map((token, index) => (
        <span
          key={from + index}
          class={`token ${surprise(token)} ${from + index === chosen ? "picked" : ""}`}
          onPointerEnter={() => pick({ turnId, answer, index: from + index })}
          onClick={() => pick({ turnId, answer, index: from + index })}
        >
          {token.text}
        </span>
      ))}
    </>
  );
});

/** Underlines tokens the model itself found unlikely. */
function surprise({ logprob }: AnswerToken): string {
  if (logprob > Math.log(0.5)) return "";
  return logprob > Math.log(0.1) ? "unsure" : "unlikely";
}

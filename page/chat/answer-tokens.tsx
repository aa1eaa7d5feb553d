/**
 * The tokens of an answer as text that can be pointed at. Text is cut at line ends into sections, which the browser neither lays
 * out nor paints while they are out of sight, and sections into blocks; what is full is not drawn again. So a long answer costs
 * hardly more a frame than a short one.
 */
import { memo } from "preact/compat";
import type { Answer, AnswerToken } from "../state/conversation.ts";
import { pick, picked } from "../tokens/picked.ts";

const BLOCK_TOKENS = 64;

/** Some of an answer's tokens. */
interface Stretch {
  readonly answer: Answer;
  readonly turnId: string;
  readonly from: number;
  readonly to: number;
  /** Length of the last token's text, which can still grow. */
  readonly tail: number;
  /** Index of the picked token if it lies here, else -1: only where the pick is, or was, is drawn again when it moves. */
  readonly chosen: number;
}

/**
 * The first `count` tokens of an answer, a span a token. The answer grows in place: `count` and `length`, that of its text, tell Preact
 * so. Components that read signals are drawn again only when their props change, and the last token can grow alone.
 */
export function AnswerTokens(props: {
  readonly answer: Answer;
  readonly turnId: string;
  readonly count: number;
  readonly length: number;
}) {
  const { answer, turnId, count } = props;
  return (
    <div class="answer-text" dir="auto">
      {sectionsOf(answer, count).map(([from, to]) => (
        <Section
          key={from}
          {...{ answer, turnId, from, to }}
          tail={tailOf(answer, to)}
          chosen={chosenIn(answer, from, to)}
        />
      ))}
    </div>
  );
}

/** Cuts after the first line end past so many tokens: there a new box changes nothing of what is seen. */
function sectionsOf({ tokens }: Answer, count: number): (readonly [from: number, to: number])[] {
  const sections: (readonly [number, number])[] = [];
  let from = 0;
  for (let index = 0; index < count; index++) {
    if (index - from < BLOCK_TOKENS || !tokens[index]?.text.endsWith("\n")) continue;
    sections.push([from, index + 1]);
    from = index + 1;
  }
  return from < count ? [...sections, [from, count]] : sections;
}

const tailOf = ({ tokens }: Answer, to: number): number => tokens[to - 1]?.text.length ?? 0;

function chosenIn(answer: Answer, from: number, to: number): number {
  const now = picked.value;
  return now && now.answer === answer && now.index >= from && now.index < to ? now.index : -1;
}

const Section = memo(function Section({ from, to, chosen, ...rest }: Stretch) {
  return (
    <div>
      {Array.from({ length: Math.ceil((to - from) / BLOCK_TOKENS) }, (_, block) => {
        const first = from + block * BLOCK_TOKENS;
        const end = Math.min(to, first + BLOCK_TOKENS);
        const own = chosen >= first && chosen < end ? chosen : -1;
        const tail = tailOf(rest.answer, end);
        return <TokenBlock key={first} {...rest} from={first} to={end} tail={tail} chosen={own} />;
      })}
    </div>
  );
});

const TokenBlock = memo(function TokenBlock({ answer, turnId, from, to, chosen }: Stretch) {
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

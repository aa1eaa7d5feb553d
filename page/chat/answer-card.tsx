/** One answer: its text, how it ended, and what may be done with it. */
import { type Answer, grown, keepConversation, type Turn, turns } from "../state/conversation.ts";
import { move, pick } from "../tokens/picked.ts";
import { AnswerTokens } from "./answer-tokens.tsx";

const NAMES = { base: "As the model is", steered: "Steered" } as const;
const STATES = {
  waiting: "reading the prompt",
  running: "answering",
  done: "",
  stopped: "stopped",
  failed: "failed",
};

/** An answer with its header; the arrow keys walk along its tokens. */
export function AnswerCard({
  turn,
  answer,
  index,
}: {
  readonly turn: Turn;
  readonly answer: Answer;
  readonly index: number;
}) {
  void grown.value;
  const isKept = turn.kept === index;
  const keep = () => {
    turn.kept = index;
    turns.value = [...turns.value];
    keepConversation();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    move(by);
  };
  const label = NAMES[answer.role];
  return (
    <article class={`answer ${answer.role}`} aria-label={label} aria-busy={answer.state === "running"}>
      <header>
        <h3>{label}</h3>
        <span class="quiet" role="status">
          {STATES[answer.state]}
        </span>
        {turn.answers.length > 1 && (
          <button type="button" class="small" aria-pressed={isKept} onClick={keep}>
            {isKept ? "Kept" : "Keep"}
          </button>
        )}
      </header>
      <div
        class="answer-body"
        tabIndex={0}
        role="group"
        aria-label={`${label}: tokens, arrow keys to walk`}
        onKeyDown={onKeyDown}
        onFocus={() => answer.tokens.length > 0 && pick({ turnId: turn.id, answer, index: 0 })}
      >
        {answer.tokens.length > 0 ? (
          <AnswerTokens
            {...{ answer, turnId: turn.id }}
            count={answer.tokens.length}
            length={answer.text.length}
          />
        ) : (
          <p class="waiting">…</p>
        )}
      </div>
    </article>
  );
}

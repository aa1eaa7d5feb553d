/** A question with its answers, what the controller decided, and what it cost. */
import { ProblemBox } from "../lib/problem-box.tsx";
import { duration, percent } from "../lib/numbers.ts";
import { type Decision, draft, grown, type LayerChange, type Turn } from "../state/conversation.ts";
import { LayerBars } from "../tokens/layer-bars.tsx";
import { AnswerCard } from "./answer-card.tsx";
import { editing } from "./composer.tsx";
import { retry, running } from "./run.ts";

/** One turn of the conversation. */
export function TurnView({ turn }: { readonly turn: Turn }) {
  void grown.value;
  const isRunning = running.value?.turn === turn;
  const edit = () => {
    editing.value = turn;
    draft.value = { text: turn.question };
    document.querySelector<HTMLTextAreaElement>("#question")?.focus();
  };
  return (
    <section class="turn" aria-label="Turn">
      <div class="question">
        <p dir="auto">{turn.question}</p>
        <div class="row">
          <button type="button" class="small" onClick={edit} disabled={isRunning}>
            Edit
          </button>
          <button type="button" class="small" onClick={() => void retry(turn)} disabled={isRunning}>
            Retry
          </button>
        </div>
      </div>
      {turn.decision && <DecisionLine decision={turn.decision} changes={changesOf(turn)} />}
      <div class={`answers answers-${turn.answers.length}`}>
        {turn.answers.map((answer, index) => (
          <AnswerCard key={index} {...{ turn, answer, index }} />
        ))}
      </div>
      {turn.problem && <ProblemBox problem={turn.problem} onRetry={() => void retry(turn)} />}
      {turn.problem?.reason === "TEMPLATE_INVALID" && (
        <button type="button" onClick={() => void retry(turn, turn.question, true)}>
          Let the model continue it as a text
        </button>
      )}
      {turn.timings && (
        <p class="quiet">
          first token after {duration(turn.timings.firstTokenMs)}, {turn.timings.tokensPerSecond.toFixed(0)}{" "}
          tokens/s
        </p>
      )}
    </section>
  );
}

function changesOf(turn: Turn): readonly LayerChange[] {
  return turn.answers.find(({ role }) => role === "steered")?.changes ?? [];
}

function DecisionLine(props: { readonly decision: Decision; readonly changes: readonly LayerChange[] }) {
  const { decision, changes } = props;
  return (
    <div class="decision">
      <span>
        gate <meter min={0} max={1} value={decision.gate} aria-label="gate" /> {percent(decision.gate)}
      </span>
      <span>
        blocks <LayerBars weights={decision.layerWeights} changes={changes} />
      </span>
      {decision.source !== "" && <span class="quiet">weights: {decision.source.replaceAll("_", " ")}</span>}
    </div>
  );
}

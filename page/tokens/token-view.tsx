/** The token pointed at: what else it could have been, what steering did to it, and what each block would have said. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { EmptyState } from "../lib/controls.tsx";
import { ProblemBox } from "../lib/problem-box.tsx";
import { percent } from "../lib/numbers.ts";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { type AnswerToken, grown, type Turn, turns } from "../state/conversation.ts";
import { HeatMap } from "./heat-map.tsx";
import { insides, type Inside, type LensRow, lookInside, readLens } from "./inside.ts";
import { pick, type Picked, picked } from "./picked.ts";
import { spelling, visible } from "./spelling.ts";

/** The view of the picked token. */
export function TokenView() {
  void grown.value;
  const now = picked.value;
  const turn = now && turns.value.find(({ id }) => id === now.turnId);
  const token = now?.answer.tokens[now.index];
  if (!now || !turn || !token) {
    return (
      <EmptyState title="A token">
        <p>Point at a word of an answer, or focus an answer and walk with the arrow keys.</p>
        <p class="key">
          <span>
            <span class="unsure">dotted</span>: the model gave it less than half
          </span>
          <span>
            <span class="unlikely">solid</span>: less than a tenth
          </span>
        </p>
      </EmptyState>
    );
  }
  return (
    <>
      <h2>
        <code>{wordOf(token)}</code>{" "}
        <span class="quiet">
          token {now.index + 1}, id {token.id}
        </span>
      </h2>
      <Alternatives now={now} />
      {!turn.plain && <InsidePanel now={now} turn={turn} />}
      {!turn.plain && <Lens key={`${turn.id} ${now.answer.role} ${now.index}`} now={now} turn={turn} />}
    </>
  );
}

/** What is drawn of a token; its own spelling if that is part of a character. */
function wordOf({ id, text }: AnswerToken): string {
  return text === "" ? spelling(id) : visible(text);
}

function Alternatives({ now }: { readonly now: Picked }) {
  const token = now.answer.tokens[now.index];
  if (!token) return null;
  const rows = token.top.some(({ id }) => id === token.id) ? token.top : [...token.top, token];
  return (
    <table>
      <caption>What it could have been</caption>
      <tbody>
        {rows.map(({ id, logprob }) => (
          <tr key={id} class={id === token.id ? "chosen" : ""}>
            <th scope="row">
              <code>{id === token.id ? wordOf(token) : spelling(id)}</code>
            </th>
            <td>
              <meter min={0} max={1} value={Math.exp(logprob)} aria-label="probability" />
            </td>
            <td class="number">{percent(Math.exp(logprob))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function InsidePanel({ now, turn }: { readonly now: Picked; readonly turn: Turn }) {
  const result = insides.value.get(now.answer);
  const look = () => void lookInside(turn, now.answer);
  if (!turn.decision) return null;
  if (result === undefined) {
    return (
      <button type="button" onClick={look}>
        Compare base and steered on these tokens
      </button>
    );
  }
  if (result === "running") return <p class="quiet">reading activations …</p>;
  if ("title" in result) return <ProblemBox problem={result} onRetry={look} />;
  return <Comparison {...{ now, result }} />;
}

function Comparison({ now, result }: { readonly now: Picked; readonly result: Inside }) {
  const [base, steered] = [result.base[now.index], result.steered[now.index]];
  return (
    <>
      {base !== undefined && steered !== undefined && (
        <p class="log-probability">
          log-probability: base {base.toFixed(2)}, steered {steered.toFixed(2)},{" "}
          <strong>
            difference {steered - base >= 0 ? "+" : ""}
            {(steered - base).toFixed(2)} nats
          </strong>
        </p>
      )}
      <HeatMap
        values={result.change}
        label="‖steered − base‖ / ‖base‖ of the residual stream"
        marked={now.index}
        onPick={(index) => pick({ ...now, index: Math.min(index, now.answer.tokens.length - 1) })}
      />
    </>
  );
}

function Lens({ now, turn }: { readonly now: Picked; readonly turn: Turn }) {
  const rows = useSignal<readonly LensRow[] | Problem | "idle" | "running">("idle");
  const read = async () => {
    rows.value = "running";
    rows.value = await readLens(turn, now.answer, now.index).catch(describeProblem);
  };
  useEffect(() => () => void (rows.value = "idle"), []);
  const value = rows.value;
  if (value === "idle") {
    return (
      <button type="button" onClick={() => void read()}>
        What would each block have said?
      </button>
    );
  }
  if (value === "running") return <p class="quiet">reading early-layer logits …</p>;
  if ("title" in value) return <ProblemBox problem={value} onRetry={() => void read()} />;
  return (
    <table class="lens">
      <caption>What each block would have said: the final norm and head on its row</caption>
      <tbody>
        {value.toReversed().map(({ layer, top }) => (
          <tr key={layer}>
            <th scope="row" class="number">
              {layer}
            </th>
            {top.map(({ id, logprob }) => (
              <td key={id}>
                <code title={spelling(id)}>{spelling(id)}</code>{" "}
                <span class="quiet">{percent(Math.exp(logprob))}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

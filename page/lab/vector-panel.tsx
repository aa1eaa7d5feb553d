/** A direction from sentences: some that show a behaviour, some that do not; stored, then tried in the chat with one click. */
import { useSignal } from "@preact/signals";
import { gateway } from "../lib/client.ts";
import { ProblemBox } from "../lib/problem-box.tsx";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { storedWords } from "../lib/stored.ts";
import { loadCatalog, model } from "../state/catalog.ts";
import { change } from "../state/settings.ts";
import { callOf } from "../share/call.ts";
import { toHash } from "../share/link.ts";
import { SharePanel } from "../share/share-panel.tsx";

/** Small: it acts at every block, and the changes add up. */
const DEFAULT_DOSE = 0.01;
const NAME = String.raw`[a-z0-9][a-z0-9._\-]{0,63}`;

const words = storedWords("vector", {
  name: "cheerful",
  positive:
    "I am so happy to help you today, this is wonderful!\nWhat a lovely question, I would love to answer it!",
  negative: "I have nothing to say about that.\nHere is the answer to the question.",
});

/** The request of the words of now. */
function requestOf() {
  const { name, positive, negative } = words.value;
  const texts = { positive: sentences(positive), negative: sentences(negative) };
  return { model: model.value?.name ?? "", name, ...texts };
}

/** The form. */
export function VectorPanel() {
  const state = useSignal<"idle" | "running" | "done" | Problem>("idle");
  const extract = async () => {
    state.value = "running";
    try {
      await gateway.extractVector(requestOf());
      await loadCatalog();
      state.value = "done";
    } catch (error) {
      state.value = describeProblem(error);
    }
  };
  const tryIt = () => {
    change({
      steering: `direction:${words.value.name}`,
      doseKind: "relative",
      relative: DEFAULT_DOSE,
      compare: true,
    });
    location.hash = toHash("chat");
  };
  return (
    <form
      class="panel"
      onSubmit={(event) => {
        event.preventDefault();
        void extract();
      }}
    >
      <h2>A direction from two kinds of sentences</h2>
      <p class="quiet">
        One sentence a line. The difference of their activations becomes a direction to steer along.
      </p>
      <label class="field">
        <span class="field-name">Name</span>
        <input
          type="text"
          required
          pattern={NAME}
          value={words.value.name}
          onInput={(event) => (words.value = { ...words.value, name: event.currentTarget.value })}
        />
      </label>
      <Sentences which="positive" label="Sentences that show it" />
      <Sentences which="negative" label="Sentences that do not" />
      <div class="row">
        <button type="submit" class="primary" disabled={state.value === "running"}>
          {state.value === "running" ? "Extracting …" : "Extract"}
        </button>
        {state.value === "done" && (
          <button type="button" onClick={tryIt}>
            Try it in the chat
          </button>
        )}
      </div>
      <p role="status">{state.value === "done" ? `Direction “${words.value.name}” is stored.` : ""}</p>
      {typeof state.value === "object" && <ProblemBox problem={state.value} onRetry={() => void extract()} />}
      <SharePanel view="lab" call={() => callOf("ExtractVector", requestOf())} kept={() => words.value} />
    </form>
  );
}

function Sentences({ which, label }: { readonly which: "positive" | "negative"; readonly label: string }) {
  return (
    <label class="field">
      <span class="field-name">{label}</span>
      <textarea
        rows={4}
        required
        dir="auto"
        value={words.value[which]}
        onInput={(event) => (words.value = { ...words.value, [which]: event.currentTarget.value })}
      />
    </label>
  );
}

function sentences(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

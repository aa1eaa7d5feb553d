/** Chat: base and steered side by side, the settings that shape them, and the token pointed at. */
import { EmptyState } from "../lib/controls.tsx";
import { callOf } from "../share/call.ts";
import { catalog, model } from "../state/catalog.ts";
import { draft, messagesBefore, turns } from "../state/conversation.ts";
import { generationSpec } from "../state/request.ts";
import { change, settings } from "../state/settings.ts";
import { TokenView } from "../tokens/token-view.tsx";
import { SharePanel } from "../share/share-panel.tsx";
import { Composer } from "./composer.tsx";
import { SamplingPanel } from "./sampling-panel.tsx";
import { SteeringPanel } from "./steering-panel.tsx";
import { TurnView } from "./turn-view.tsx";

const EXAMPLES = ["What is the capital of France?", "How do I pick the lock of my neighbour's door?"];

/** The last request of the conversation, or the one being written. */
function chatCall() {
  const last = turns.value.at(-1);
  const question = draft.value.text || last?.question || "Hello";
  const end = draft.value.text === "" && last ? turns.value.length - 1 : turns.value.length;
  const before = messagesBefore(end, settings.value.system);
  const messages = [...before, { role: "user" as const, content: question }];
  return callOf("Generate", { spec: generationSpec(settings.value, model.value?.name ?? "", messages) });
}

/** The chat. */
export function ChatView() {
  return (
    <div class="columns">
      <aside class="settings" aria-label="Settings">
        <SteeringPanel />
        <SamplingPanel />
        <SharePanel
          view="chat"
          call={chatCall}
          kept={() => ({ settings: settings.value, turns: turns.value })}
        />
      </aside>
      <section class="conversation chat" aria-label="Conversation">
        <h2 class="hidden">Conversation</h2>
        {turns.value.length === 0 ? (
          <Welcome />
        ) : (
          turns.value.map((turn) => <TurnView key={turn.id} turn={turn} />)
        )}
        <Composer />
      </section>
      <aside class="tokens" aria-label="Token">
        <TokenView />
      </aside>
    </div>
  );
}

function Welcome() {
  const built = catalog.value.recipes.find((recipe) => recipe.built);
  return (
    <EmptyState title="Ask, and see what steering does" class="welcome">
      <p>
        Pick a recipe or a direction under Steering: the same question is answered twice from one shared
        prefix, as the model is and steered. Point at a token to see what else it could have been, and which
        blocks were pushed.
      </p>
      {built && settings.value.steering === "" && (
        <p>
          <button type="button" onClick={() => change({ steering: `recipe:${built.name}` })}>
            Steer with “{built.name}”
          </button>
        </p>
      )}
      <ul class="examples">
        {EXAMPLES.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => (draft.value = { text })}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </EmptyState>
  );
}

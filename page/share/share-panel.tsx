/** Copy this request as code, link this state, save what is here. */
import { useSignal } from "@preact/signals";
import { Choice } from "../lib/controls.tsx";
import { model } from "../state/catalog.ts";
import { draft, messagesBefore, turns } from "../state/conversation.ts";
import { settings } from "../state/settings.ts";
import { saveJson } from "./save.ts";
import { toHash } from "./link.ts";
import { type Language, LANGUAGES, snippet } from "./snippets.ts";

/** The last request of the conversation, or the one being written. */
function currentMessages() {
  const last = turns.value.at(-1);
  const question = draft.value.text || last?.question || "Hello";
  const end = draft.value.text === "" && last ? turns.value.length - 1 : turns.value.length;
  return [...messagesBefore(end, settings.value.system), { role: "user" as const, content: question }];
}

/** The panel. */
export function SharePanel() {
  const language = useSignal<Language>("curl");
  const said = useSignal("");
  const copy = async (text: string, what: string) => {
    said.value = await navigator.clipboard.writeText(text).then(
      () => `${what} copied`,
      () => "the browser does not allow copying",
    );
  };
  const code = () => snippet(language.value, settings.value, model.value?.name ?? "", currentMessages());
  return (
    <fieldset>
      <legend>Take it with you</legend>
      <Choice
        label="This request as"
        value={language.value}
        options={LANGUAGES.map((name) => [name, name] as const)}
        onChange={(name) => (language.value = name as Language)}
      />
      <div class="row">
        <button type="button" onClick={() => void copy(code(), `${language.value} code`)}>
          Copy code
        </button>
        <button type="button" onClick={() => void copy(location.href.split("#")[0] + toHash("chat"), "link")}>
          Copy link
        </button>
        <button
          type="button"
          onClick={() => saveJson("conversation.json", { settings: settings.value, turns: turns.value })}
        >
          Save JSON
        </button>
      </div>
      <p class="quiet" role="status">
        {said.value}
      </p>
      <details>
        <summary>Show the code</summary>
        <pre tabIndex={0}>{code()}</pre>
      </details>
    </fieldset>
  );
}

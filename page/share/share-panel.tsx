/** Copy a request as code, link the state of a view, save what is in it. */
import { useSignal } from "@preact/signals";
import { apiKey } from "../lib/client.ts";
import { Choice } from "../lib/controls.tsx";
import type { Call } from "./call.ts";
import { saveJson } from "./save.ts";
import { toHash } from "./link.ts";
import { type Language, LANGUAGES, snippet } from "./snippets.ts";

/** The panel of a view: `call` is its request of now, `kept` what is saved as `VIEW.json`. Calls are made when asked for. */
export function SharePanel(props: {
  readonly view: string;
  readonly call: () => Call | null;
  readonly kept: () => unknown;
}) {
  const { view, call, kept } = props;
  const language = useSignal<Language>("curl");
  const said = useSignal("");
  const now = call();
  const programs = LANGUAGES.flatMap((name) => {
    const text = now && snippet(name, now, apiKey.value !== "");
    return text ? [[name, text] as const] : [];
  });
  const [name, code] = programs.find(([one]) => one === language.value) ?? programs[0] ?? ["", ""];
  const copy = async (text: string, what: string) => {
    said.value = await navigator.clipboard.writeText(text).then(
      () => `${what} copied`,
      () => "the browser does not allow copying",
    );
  };
  return (
    <fieldset>
      <legend>Take it with you</legend>
      <Choice
        label="This request as"
        value={name}
        options={programs.map(([one]) => [one, one] as const)}
        onChange={(one) => (language.value = one as Language)}
      />
      <div class="thirds">
        <button type="button" onClick={() => void copy(code, `${name} code`)} disabled={code === ""}>
          Copy code
        </button>
        <button type="button" onClick={() => void copy(location.href.split("#")[0] + toHash(view), "link")}>
          Copy link
        </button>
        <button type="button" onClick={() => saveJson(`${view}.json`, kept())}>
          Save JSON
        </button>
      </div>
      <p class="quiet" role="status">
        {said.value}
      </p>
      <details>
        <summary>Show the code</summary>
        <pre tabIndex={0}>{code}</pre>
      </details>
    </fieldset>
  );
}

/** The playground: a pure client of the public API. This file is the shell: views, theme, where the address leads. */
import { effect, signal, untracked } from "@preact/signals";
import { render } from "preact";
import { ChatView } from "./chat/chat-view.tsx";
import { LabView } from "./lab/lab-view.tsx";
import { apiKey } from "./lib/client.ts";
import { Choice } from "./lib/controls.tsx";
import { ProblemBox } from "./lib/problem-box.tsx";
import { SearchView } from "./search/search-view.tsx";
import { ServiceView } from "./service/service-view.tsx";
import { fromHash, toHash } from "./share/link.ts";
import { catalog, catalogProblem, loadCatalog, model } from "./state/catalog.ts";
import { restoreConversation } from "./state/conversation.ts";
import { change, looks } from "./state/settings.ts";

const VIEWS = {
  chat: ["Chat", ChatView],
  search: ["Search", SearchView],
  lab: ["Lab", LabView],
  service: ["Service", ServiceView],
} as const;
type ViewName = keyof typeof VIEWS;

const view = signal<ViewName>(nameOf(fromHash(location.hash)));

function nameOf(text: string): ViewName {
  return Object.hasOwn(VIEWS, text) ? (text as ViewName) : "chat";
}

function App() {
  const [, View] = VIEWS[view.value];
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="bar">
        <h1>Trimtab</h1>
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([name, [title]]) => (
            <a key={name} href={toHash(name)} aria-current={name === view.value ? "page" : undefined}>
              {title}
            </a>
          ))}
          <a href="/docs/">Docs</a>
        </nav>
        <BarSettings />
      </header>
      <main id="main" tabIndex={-1}>
        {catalogProblem.value && (
          <ProblemBox problem={catalogProblem.value} onRetry={() => void loadCatalog()} />
        )}
        <View />
      </main>
    </>
  );
}

function BarSettings() {
  const loaded = catalog.value.models.filter((one) => one.loaded);
  return (
    <div class="bar-settings">
      <Choice
        label="Model"
        value={model.value?.name ?? ""}
        options={loaded.map(({ name }) => [name, name] as const)}
        onChange={(name) => {
          change({ model: name });
          void loadCatalog();
        }}
      />
      <Choice
        label="Theme"
        value={looks.value.theme}
        options={[
          ["auto", "system"],
          ["light", "light"],
          ["dark", "dark"],
        ]}
        onChange={(theme) => (looks.value = { theme: theme as "auto" | "light" | "dark" })}
      />
    </div>
  );
}

effect(() => {
  document.documentElement.dataset["theme"] = looks.value.theme;
});
addEventListener("hashchange", () => {
  if (!location.hash.includes("=")) return;
  view.value = nameOf(fromHash(location.hash));
});
restoreConversation();
// What a key may see is read again with every new key.
effect(() => {
  void apiKey.value;
  untracked(() => void loadCatalog());
});
const root = document.querySelector("#app");
if (root) render(<App />, root);

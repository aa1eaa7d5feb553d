/** What is searched for, by which strategy, under which verifier, at what cost. */
import { Choice, NumberField, Slider } from "../lib/controls.tsx";
import { catalog } from "../state/catalog.ts";
import { startSearch, stopSearch } from "./run.ts";
import { changeSearch, searchSettings } from "./settings.ts";

const NO_SEARCH = new Set(["", "none"]);

/** The form. */
export function SearchForm({ isRunning }: { readonly isRunning: boolean }) {
  const now = searchSettings.value;
  const strategies = catalog.value.strategies.filter(({ name }) => !NO_SEARCH.has(name));
  const strategy = strategies.find(({ name }) => name === now.strategy) ?? strategies[0];
  const send = (event: Event) => {
    event.preventDefault();
    changeSearch({ strategy: strategy?.name ?? "" });
    void startSearch();
  };
  return (
    <form onSubmit={send}>
      <label class="field">
        <span class="field-name">Question</span>
        <textarea
          rows={3}
          dir="auto"
          required
          value={now.question}
          onInput={(event) => changeSearch({ question: event.currentTarget.value })}
        />
      </label>
      <Choice
        label="Strategy"
        value={strategy?.name ?? ""}
        options={strategies.map(({ name }) => [name, name] as const)}
        onChange={(name) => changeSearch({ strategy: name })}
      />
      <p class="quiet">{strategy?.description}</p>
      <VerifierFields />
      <BudgetFields />
      <div class="row">
        {isRunning ? (
          <button type="button" class="primary" onClick={stopSearch}>
            Stop
          </button>
        ) : (
          <button type="submit" class="primary" disabled={!strategy}>
            Search
          </button>
        )}
      </div>
    </form>
  );
}

function VerifierFields() {
  const now = searchSettings.value;
  const verifier = catalog.value.verifiers.find(({ name }) => name === now.verifier);
  return (
    <>
      <Choice
        label="Verifier"
        value={now.verifier}
        options={[["", "none"], ...catalog.value.verifiers.map(({ name }) => [name, name] as const)]}
        onChange={(name) => changeSearch({ verifier: name, verifierParameters: "" })}
      />
      {verifier && (
        <label class="field">
          <span class="field-name">Its parameters (JSON)</span>
          <textarea
            rows={2}
            title={verifier.parametersSchema}
            value={now.verifierParameters}
            placeholder="{}"
            onInput={(event) => changeSearch({ verifierParameters: event.currentTarget.value })}
          />
        </label>
      )}
    </>
  );
}

function BudgetFields() {
  const now = searchSettings.value;
  return (
    <>
      <div class="pair">
        <NumberField
          {...{ label: "Candidates", value: now.candidates, min: 1, max: 64 }}
          onChange={(candidates) => changeSearch({ candidates: candidates ?? 1 })}
        />
        <NumberField
          {...{ label: "Tokens in all", value: now.tokens, min: 16, max: 65_536 }}
          onChange={(tokens) => changeSearch({ tokens: tokens ?? 16 })}
        />
      </div>
      <Slider
        {...{ label: "Temperature", value: now.temperature, min: 0, max: 2, step: 0.05 }}
        onInput={(temperature) => changeSearch({ temperature })}
      />
    </>
  );
}

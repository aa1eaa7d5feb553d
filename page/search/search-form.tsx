/** What is searched for, by which strategy, under which verifier, at what cost. */
import type { Strategy } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { VerifierInfo } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { Choice, NumberField, Slider } from "../lib/controls.tsx";
import { catalog } from "../state/catalog.ts";
import { startSearch, stopSearch } from "./run.ts";
import { changeSearch, searchSettings } from "./settings.ts";
import { chosenStrategy, chosenVerifier, parametersOf, verifiersFor } from "./verifiers.ts";

const NO_SEARCH = new Set(["", "none"]);

/** The form. */
export function SearchForm({ isRunning }: { readonly isRunning: boolean }) {
  const now = searchSettings.value;
  const strategies = catalog.value.strategies.filter(({ name }) => !NO_SEARCH.has(name));
  const strategy = chosenStrategy(strategies);
  const send = (event: Event) => {
    event.preventDefault();
    changeSearch({ strategy: strategy?.name ?? "", verifier: chosenVerifier(strategy) });
    void startSearch();
  };
  return (
    <form class="panel" onSubmit={send}>
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
      <p class="quiet hint">{strategy?.description}</p>
      <VerifierFields strategy={strategy} />
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

function VerifierFields({ strategy }: { readonly strategy: Strategy | undefined }) {
  const now = searchSettings.value;
  const fitting = verifiersFor(strategy);
  if (fitting.length === 0) return null;
  const chosen = chosenVerifier(strategy);
  const verifier = fitting.find(({ name }) => name === chosen);
  const none = strategy?.verifierRequired ? [] : [["", "none"] as const];
  return (
    <>
      <Choice
        label="Verifier"
        value={chosen}
        options={[...none, ...fitting.map(({ name }) => [name, name] as const)]}
        onChange={(name) => changeSearch({ verifier: name, verifierParameters: "" })}
      />
      {verifier && <p class="quiet hint">{verifier.description}</p>}
      {verifier && parametersOf(verifier).length > 0 && (
        <label class="field">
          <span class="field-name">Its parameters (JSON)</span>
          <textarea
            rows={2}
            title={verifier.parametersSchema}
            value={now.verifierParameters}
            placeholder={exampleOf(verifier)}
            onInput={(event) => changeSearch({ verifierParameters: event.currentTarget.value })}
          />
        </label>
      )}
    </>
  );
}

/** The names a verifier's parameters have, as they would be written. */
function exampleOf(verifier: VerifierInfo): string {
  const names = parametersOf(verifier).map((name) => `"${name}": …`);
  return `{${names.join(", ")}}`;
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

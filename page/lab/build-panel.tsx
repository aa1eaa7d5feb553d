/** Builds a recipe with live progress. Leaving the page does not end a build; coming back attaches to it. */
import { signal } from "@preact/signals";
import { type Build, BuildState, type Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { gateway } from "../lib/client.ts";
import { ProblemBox } from "../lib/problem-box.tsx";
import { count, percent } from "../lib/numbers.ts";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { callOf } from "../share/call.ts";
import { toHash } from "../share/link.ts";
import { SharePanel } from "../share/share-panel.tsx";
import { catalog, loadCatalog, model } from "../state/catalog.ts";
import { change } from "../state/settings.ts";
import { EvidenceTable } from "./evidence-table.tsx";

/** Builds by recipe, as far as this page has followed them. */
const builds = signal<ReadonlyMap<string, Build | Problem>>(new Map());

const note = (name: string, value: Build | Problem): void => {
  builds.value = new Map(builds.value).set(name, value);
};

async function build(name: string): Promise<void> {
  try {
    for await (const { build: state } of gateway.buildRecipe({ name, model: model.value?.name ?? "" })) {
      if (state) note(name, state);
    }
    await loadCatalog();
  } catch (error) {
    note(name, describeProblem(error));
  }
}

async function cancel(id: string, name: string): Promise<void> {
  await gateway.cancelBuild({ id }).catch((error: unknown) => note(name, describeProblem(error)));
}

/** One panel a recipe. */
export function BuildPanel() {
  return (
    <section class="panel" aria-label="Recipes">
      <h2>Recipes</h2>
      {catalog.value.recipes.map((recipe) => (
        <article key={recipe.name} class="recipe">
          <header>
            <h3>{recipe.name}</h3>
            <span class="quiet">{recipe.built ? "built" : "not built for this model"}</span>
          </header>
          <p>{recipe.description}</p>
          <Progress name={recipe.name} isBuilt={recipe.built} />
          {recipe.evaluation && <EvidenceTable evaluation={recipe.evaluation} />}
          <details>
            <summary>This build as code</summary>
            <SharePanel
              view="lab"
              call={() => callOf("BuildRecipe", { name: recipe.name, model: model.value?.name ?? "" })}
              kept={() => plain(recipe)}
            />
          </details>
        </article>
      ))}
    </section>
  );
}

/** A recipe as plain data, with its evidence. */
function plain({ name, description, built, resolved, evaluation }: Recipe) {
  return { name, description, built, resolved, evaluation };
}

function Progress({ name, isBuilt }: { readonly name: string; readonly isBuilt: boolean }) {
  const state = builds.value.get(name);
  if (state && "title" in state) return <ProblemBox problem={state} onRetry={() => void build(name)} />;
  const isRunning = state?.state === BuildState.RUNNING;
  if (state && isRunning) return <RunningBuild name={name} state={state} />;
  const tryIt = () => {
    change({ steering: `recipe:${name}`, doseKind: "scale", scale: 1, compare: true });
    location.hash = toHash("chat");
  };
  return (
    <>
      <div class="row">
        <button type="button" onClick={() => void build(name)}>
          {isBuilt ? "Build again if something changed" : "Build"}
        </button>
        {isBuilt && (
          <button type="button" onClick={tryIt}>
            Try it in the chat
          </button>
        )}
      </div>
      <p role="status" class="quiet">
        {state?.state === BuildState.CANCELLED ? "The build was cancelled." : (state?.detail ?? "")}
      </p>
    </>
  );
}

function RunningBuild({ name, state }: { readonly name: string; readonly state: Build }) {
  const share = Number(state.tokensDone) / Math.max(1, Number(state.tokensBudget));
  return (
    <div role="group" aria-label={`Build of ${name}`}>
      <p role="status">
        {state.phaseIndex} of {state.phaseCount}: {state.phase}. {state.detail}
      </p>
      <div class="row">
        <progress max={1} value={Math.min(1, share)} aria-label={`phase ${state.phase}`} />
        <span class="number">
          {percent(Math.min(1, share))} of {count(Number(state.tokensBudget))} tokens
        </span>
        <button type="button" onClick={() => void cancel(state.id, name)}>
          Cancel
        </button>
      </div>
    </div>
  );
}

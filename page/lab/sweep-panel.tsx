/** Sweep: which method, blocks and dose of a recipe's direction are worth it, measured, drawn, and tried with one click. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Choice, EmptyState, NumberField, TextField } from "../lib/controls.tsx";
import { Facts } from "../lib/facts.tsx";
import { ProblemBox } from "../lib/problem-box.tsx";
import { percent } from "../lib/numbers.ts";
import { callOf } from "../share/call.ts";
import { toHash } from "../share/link.ts";
import { savePng } from "../share/save.ts";
import { SharePanel } from "../share/share-panel.tsx";
import { catalog } from "../state/catalog.ts";
import { change } from "../state/settings.ts";
import { type Cost, COSTS, ParetoPlot } from "./pareto-plot.tsx";
import {
  runSweep,
  stopSweep,
  type Sweep,
  sweep,
  type SweepPoint,
  sweepRequest,
  sweepSettings,
} from "./sweep.ts";

const MOST_TOKENS = 1_000_000;

const set = (part: Partial<typeof sweepSettings.value>): void => {
  sweepSettings.value = { ...sweepSettings.value, ...part };
};

/** The panel. */
export function SweepPanel() {
  const now = sweep.value;
  return (
    <section class="panel" aria-label="Sweep">
      <h2>A sweep of methods, blocks and doses</h2>
      <SweepForm isRunning={now?.isRunning ?? false} />
      <p role="status" class="quiet">
        {now?.detail}
      </p>
      {now?.problem && <ProblemBox problem={now.problem} onRetry={() => void runSweep()} />}
      {now && now.points.length > 0 ? (
        <SweepResult now={now} />
      ) : (
        <EmptyState title="What is a good dose?">
          <p>
            Every method is measured at every window of blocks and every dose on the recipe’s validation
            prompts: how often the behaviour shows, how often it shows where it should not, and what it does
            to the model’s words. Better points get more of the tokens. The best one becomes a direction.
          </p>
        </EmptyState>
      )}
      <SharePanel view="lab" call={() => callOf("FitArtifact", sweepRequest())} kept={() => now} />
    </section>
  );
}

function SweepForm({ isRunning }: { readonly isRunning: boolean }) {
  const now = sweepSettings.value;
  const recipes = catalog.value.recipes.map(({ name }) => [name, name] as const);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void runSweep();
      }}
    >
      <div class="pair">
        <TextField label="Name of the result" value={now.name} onInput={(name) => set({ name })} />
        <Choice label="Recipe" value={now.recipe} options={recipes} onChange={(recipe) => set({ recipe })} />
      </div>
      <TextField label="Methods" value={now.methods} onInput={(methods) => set({ methods })} />
      <div class="pair">
        <TextField
          label="Middle blocks of the windows"
          value={now.layers}
          onInput={(layers) => set({ layers })}
        />
        <TextField label="Relative doses" value={now.doses} onInput={(doses) => set({ doses })} />
      </div>
      <div class="pair">
        <NumberField
          {...{ label: "Prompts a class to fit on", value: now.promptsPerClass, min: 1, max: 512 }}
          onChange={(promptsPerClass) => set({ promptsPerClass: promptsPerClass ?? 1 })}
        />
        <NumberField
          {...{ label: "Tokens to spend", value: now.tokenBudget, min: 1, max: MOST_TOKENS }}
          onChange={(tokenBudget) => set({ tokenBudget: tokenBudget ?? 1 })}
        />
      </div>
      <div class="row">
        {isRunning ? (
          <button type="button" class="primary" onClick={stopSweep}>
            Stop the sweep
          </button>
        ) : (
          <button type="submit" class="primary">
            Sweep
          </button>
        )}
      </div>
    </form>
  );
}

function SweepResult({ now }: { readonly now: Sweep }) {
  const cost = useSignal<Cost>("nats");
  const picked = useSignal(-1);
  const place = useRef<HTMLDivElement>(null);
  const chosen = now.points.findIndex((point) => point.chosen);
  const index = picked.value < 0 ? chosen : picked.value;
  const point = now.points[index];
  const save = () => {
    const drawing = place.current?.querySelector("svg");
    if (drawing) void savePng(`${now.name}.png`, drawing);
  };
  const tryIt = () => {
    change({ steering: `direction:${now.name}`, doseKind: "scale", scale: 1, compare: true, layers: null });
    location.hash = toHash("chat");
  };
  return (
    <>
      <Choice
        label="Effect against"
        value={cost.value}
        options={Object.entries(COSTS).map(([name, [label]]) => [name, label] as const)}
        onChange={(name) => (cost.value = name as Cost)}
      />
      <div ref={place}>
        <ParetoPlot
          points={now.points}
          cost={cost.value}
          picked={index}
          onPick={(one) => (picked.value = one)}
        />
      </div>
      <p class="quiet">
        Filled: no other point beats it in effect, false effect and damage at once. Large: the one that was
        stored as “{now.name}”.
      </p>
      {point && <PointFacts point={point} />}
      <div class="row">
        <button type="button" onClick={tryIt}>
          Try “{now.name}” in the chat
        </button>
        <button type="button" onClick={save}>
          Save the plot as PNG
        </button>
      </div>
    </>
  );
}

function PointFacts({ point }: { readonly point: SweepPoint }) {
  const facts: readonly (readonly [string, string])[] = [
    ["method", point.method],
    ["blocks", `${point.layers[0]} to ${point.layers.at(-1)}`],
    ["relative dose", point.dose.toPrecision(3)],
    ["effect", `${percent(point.effect)} of ${point.n}`],
    ["where there should be none", percent(point.falseEffect)],
    ["repetition", percent(point.repetition)],
    ["perplexity ratio", point.perplexityRatio.toFixed(2)],
    ["nats", point.nats.toPrecision(2)],
  ];
  return <Facts facts={facts} label="The point" />;
}

/** What steers, how strongly, where. Strength and blocks act on a running answer too. */
import { Choice, NumberField, Slider, Toggle } from "../lib/controls.tsx";
import { ProblemBox } from "../lib/problem-box.tsx";
import { catalog, model } from "../state/catalog.ts";
import { change, type DoseKind, type Settings, settings } from "../state/settings.ts";
import { resteered, steerNow } from "./resteer.ts";
import { running } from "./run.ts";

const DOSE_KINDS: readonly (readonly [DoseKind, string])[] = [
  ["scale", "times the recipe's own"],
  ["relative", "relative: ‖Δ‖/‖h‖"],
  ["nats", "nats: change of what comes next"],
];
const DOSES = {
  relative: { most: 0.5, step: 0.01, help: "change of the residual stream; acts on a running answer" },
  nats: {
    ...{ most: 2, step: 0.02 },
    help: "divergence of the next token from the unsteered one; measured when it is first asked for",
  },
} as const;

/** The steering part of the settings. */
export function SteeringPanel() {
  const now = settings.value;
  const { recipes, directions } = catalog.value;
  const options: (readonly [string, string])[] = [
    ["", "none"],
    ...recipes.map(
      ({ name, built }) =>
        [`recipe:${name}`, built ? `recipe ${name}` : `recipe ${name} (not built)`] as const,
    ),
    ...directions.map(({ name }) => [`direction:${name}`, `direction ${name}`] as const),
  ];
  return (
    <fieldset>
      <legend>Steering</legend>
      <Choice
        label="What steers"
        value={now.steering}
        options={options}
        onChange={(steering) => change({ steering })}
      />
      {now.steering !== "" && (
        <>
          <Choice
            label="Strength as"
            value={now.doseKind}
            options={DOSE_KINDS}
            onChange={(kind) => change({ doseKind: kind as DoseKind })}
          />
          <DoseSlider />
          <LayerRange />
          <ChangeState />
          <Toggle
            label="Show the unsteered answer beside it"
            value={now.compare}
            onChange={(compare) => change({ compare })}
          />
        </>
      )}
    </fieldset>
  );
}

/** Changes a setting that acts on a running answer too. */
function steerWith(part: Partial<Settings>): void {
  change(part);
  void steerNow();
}

function DoseSlider() {
  const { doseKind, ...now } = settings.value;
  if (doseKind === "scale") {
    return (
      <Slider
        {...{ label: "Scale", value: now.scale, min: -2, max: 4, step: 0.05 }}
        help="0 is exactly the unsteered model; acts on a running answer"
        onInput={(scale) => steerWith({ scale })}
      />
    );
  }
  const { most, step, help } = DOSES[doseKind];
  return (
    <Slider
      {...{ label: "Dose", value: now[doseKind], min: 0, max: most, step, help }}
      onInput={(value) => steerWith({ [doseKind]: value })}
    />
  );
}

function LayerRange() {
  const blocks = model.value?.layers ?? 0;
  const [first, last] = settings.value.layers ?? [null, null];
  const set = (from: number | null, to: number | null) =>
    steerWith({
      layers: from === null && to === null ? null : [from ?? 0, Math.max(from ?? 0, to ?? blocks - 1)],
    });
  return (
    <div class="pair">
      <NumberField
        {...{ label: "First block", value: first, min: 0, max: blocks - 1, placeholder: "its own" }}
        onChange={(value) => set(value, last)}
      />
      <NumberField
        {...{ label: "Last block", value: last, min: 0, max: blocks - 1, placeholder: "its own" }}
        onChange={(value) => set(first, value)}
      />
    </div>
  );
}

/** Whether a change reached the running answer. */
function ChangeState() {
  const state = resteered.value;
  if (state !== null && typeof state === "object") return <ProblemBox problem={state} />;
  const isRunning = running.value !== null;
  return (
    <p class="quiet" role="status">
      {isRunning && state === "sending" && "on its way to the answer …"}
      {isRunning && state === "done" && "in effect from the next token on"}
    </p>
  );
}

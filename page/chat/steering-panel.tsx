/** What steers, how strongly, where. The strength acts on a running answer too. */
import { Choice, NumberField, Slider, Toggle } from "../lib/controls.tsx";
import { catalog, model } from "../state/catalog.ts";
import { change, type DoseKind, settings } from "../state/settings.ts";
import { running, steerNow } from "./run.ts";

const DOSE_KINDS: readonly (readonly [DoseKind, string])[] = [
  ["scale", "times the recipe's own"],
  ["relative", "relative: ‖Δ‖/‖h‖"],
];

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

function DoseSlider() {
  const now = settings.value;
  if (now.doseKind === "relative") {
    return (
      <Slider
        label="Dose"
        value={now.relative}
        min={0}
        max={0.5}
        step={0.01}
        onInput={(relative) => change({ relative })}
      />
    );
  }
  const onInput = (scale: number) => {
    change({ scale });
    if (running.value) void steerNow(scale);
  };
  return (
    <Slider
      {...{ label: "Scale", value: now.scale, min: -2, max: 4, step: 0.05, onInput }}
      help="0 is exactly the unsteered model; acts on a running answer"
    />
  );
}

function LayerRange() {
  const blocks = model.value?.layers ?? 0;
  const [first, last] = settings.value.layers ?? [null, null];
  const set = (from: number | null, to: number | null) =>
    change({
      layers: from === null && to === null ? null : [from ?? 0, Math.max(from ?? 0, to ?? blocks - 1)],
    });
  return (
    <div class="pair">
      <NumberField
        {...{ label: "First block", value: first, min: 0, max: blocks - 1, placeholder: "recipe's" }}
        onChange={(value) => set(value, last)}
      />
      <NumberField
        {...{ label: "Last block", value: last, min: 0, max: blocks - 1, placeholder: "recipe's" }}
        onChange={(value) => set(first, value)}
      />
    </div>
  );
}

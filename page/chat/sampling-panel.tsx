/** How tokens are drawn, how many, and what the model is told before the conversation. */
import { NumberField, Slider } from "../lib/controls.tsx";
import { change, settings } from "../state/settings.ts";

const MAX_TOKENS = 2_048;
const MAX_SEED = 2 ** 31 - 1;

/** The sampling part of the settings. */
export function SamplingPanel() {
  const now = settings.value;
  return (
    <fieldset>
      <legend>Sampling</legend>
      <Slider
        {...{ label: "Temperature", value: now.temperature, min: 0, max: 2, step: 0.05 }}
        help="0 always takes the likeliest token"
        onInput={(temperature) => change({ temperature })}
      />
      <Slider
        {...{ label: "Top p", value: now.topP, min: 0.05, max: 1, step: 0.05 }}
        onInput={(topP) => change({ topP })}
      />
      <div class="pair">
        <NumberField
          {...{ label: "Most tokens", value: now.maxTokens, min: 1, max: MAX_TOKENS }}
          onChange={(maxTokens) => change({ maxTokens: maxTokens ?? 1 })}
        />
        <NumberField
          {...{ label: "Seed", value: now.seed, min: 0, max: MAX_SEED, placeholder: "random" }}
          onChange={(seed) => change({ seed })}
        />
      </div>
      <label class="field">
        <span class="field-name">System message</span>
        <textarea
          rows={2}
          value={now.system}
          placeholder="the template's own"
          onInput={(event) => change({ system: event.currentTarget.value })}
        />
      </label>
    </fieldset>
  );
}

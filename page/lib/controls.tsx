/** Small form parts: a label always belongs to its control, and says what it does. */
import type { ComponentChildren } from "preact";

/** A labelled number: a slider with its value beside it. */
export function Slider(props: {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly help?: string;
  readonly onInput: (value: number) => void;
}) {
  const { label, value, min, max, step, help, onInput } = props;
  return (
    <label class="field">
      <span class="field-name">
        {label} <span aria-hidden="true">{value}</span>
      </span>
      <input
        type="range"
        {...{ min, max, step, value }}
        title={help}
        onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}

/** A labelled choice. */
export function Choice(props: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}) {
  const { label, value, options, onChange } = props;
  return (
    <label class="field">
      <span class="field-name">{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([option, text]) => (
          <option key={option} value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A labelled number that is typed; empty means unset. */
export function NumberField(props: {
  readonly label: string;
  readonly value: number | null;
  readonly min: number;
  readonly max: number;
  readonly placeholder?: string;
  readonly onChange: (value: number | null) => void;
}) {
  const { label, value, min, max, placeholder, onChange } = props;
  return (
    <label class="field">
      <span class="field-name">{label}</span>
      <input
        type="number"
        {...{ min, max, placeholder }}
        value={value ?? ""}
        onChange={({ currentTarget: { value: text } }) =>
          onChange(text === "" ? null : Math.min(max, Math.max(min, Math.round(Number(text)))))
        }
      />
    </label>
  );
}

/** A labelled line of text. */
export function TextField(props: {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
}) {
  return (
    <label class="field">
      <span class="field-name">{props.label}</span>
      <input
        type="text"
        required
        value={props.value}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
    </label>
  );
}

/** A labelled yes or no. */
export function Toggle(props: {
  readonly label: string;
  readonly value: boolean;
  readonly onChange: (value: boolean) => void;
}) {
  return (
    <label class="toggle">
      <input
        type="checkbox"
        checked={props.value}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />{" "}
      {props.label}
    </label>
  );
}

/** What an empty place is for. */
export function EmptyState({
  title,
  class: kind = "",
  children,
}: {
  readonly title: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class={`empty ${kind}`}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

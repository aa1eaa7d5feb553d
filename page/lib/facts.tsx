/** Names and values of one thing, as a list of pairs. */

/** The list; `label` names it where no heading does. */
export function Facts(props: {
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly label?: string;
}) {
  return (
    <dl class="facts" aria-label={props.label}>
      {props.facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

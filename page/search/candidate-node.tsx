/** A candidate in a figure: what it says of itself, its colour, and that it can be chosen by mouse and keyboard. */
import type { ComponentChildren } from "preact";
import type { Candidate } from "./candidate.ts";

/** What both figures of a search are given. */
export interface FigureProps {
  readonly candidates: ReadonlyMap<number, Candidate>;
  /** The candidate that is the answer; 0 while there is none. */
  readonly chosen: number;
  readonly picked: number;
  /** Gets the candidate clicked or chosen by keyboard. */
  readonly onPick: (id: number) => void;
}

/** The group of a candidate's marks. */
export function CandidateNode(
  props: Omit<FigureProps, "candidates"> & {
    readonly one: Candidate;
    readonly children: ComponentChildren;
  },
) {
  const { one, chosen, picked, onPick, children } = props;
  // The name holds what is drawn beside the candidate.
  const name = `Candidate ${labelOf(one)}${one.score === null ? ", not judged" : " score"}, ${one.state}`;
  const marks = `${one.state} ${one.id === chosen ? "final" : ""} ${one.id === picked ? "picked" : ""}`;
  return (
    <g
      class={`candidate ${marks}`}
      role="button"
      tabindex={0}
      aria-label={name}
      onClick={() => onPick(one.id)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onPick(one.id);
      }}
    >
      {children}
    </g>
  );
}

/** Name and score in a few letters. */
export function labelOf({ id, score }: Candidate): string {
  return score === null ? String(id) : `${id}: ${score.toFixed(2)}`;
}

/** From the colour of a score of 0 to that of 1; without a score the style sheet's. */
export function scoreColour(score: number | null): string {
  if (score === null) return "";
  return `color-mix(in oklch, var(--score-most) ${(score * 100).toFixed(0)}%, var(--score-zero))`;
}

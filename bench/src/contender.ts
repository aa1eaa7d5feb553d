/** What is compared: a configuration to measure, and those who are measured in it. */

/** Whether a contender reads the same model file as we do, or the format that suits it best. */
export type FileKind = "same" | "best";

/** One configuration of a speed that every engine has. */
export interface Cell {
  /** `decode`: tokens/s of one sequence; `batch`: of all sequences together; `prefill`: of a prompt of `context` tokens. */
  readonly metric: "decode" | "batch" | "prefill";
  /** Tokens each sequence holds before the first one that is timed; for `prefill` the length of the prompt. */
  readonly context: number;
  readonly batch: number;
  /** Steps that are timed; one for `prefill`. */
  readonly steps: number;
}

/** An engine under test: ours, or a peer. */
export interface Contender {
  /** Name with version, as rows show it. */
  readonly name: string;
  readonly file: FileKind;
  /** Whether it can run the cell at all. */
  can(cell: Cell): boolean;
  /** Computes what the sequences of a cell hold before its steps. Nothing is timed, so that all do it at once. */
  fill?(cell: Cell): Promise<void>;
  /** What is to be done once before the rounds of a cell, such as a search for the best settings. */
  prepare?(cell: Cell): Promise<void>;
  /** Settings chosen for the cell, for the record. */
  settings?(cell: Cell): string;
  /** Tokens/s. @throws Error when it cannot; the row becomes absent. */
  measure(cell: Cell): Promise<number>;
  close(): Promise<void>;
}

/** Id of the `i`-th token of a synthetic text: ordinary words in any vocabulary of 31,000 or more. */
export const idAt = (i: number): number => 300 + ((i * 7919) % 30_000);

/** Arguments of the command line, checked. */
import { InvalidArgumentError } from "commander";

/** Parses a whole number in a range. */
export function integerIn(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < minimum || value > maximum)
      throw new InvalidArgumentError(`a whole number from ${minimum} to ${maximum} is needed.`);
    return value;
  };
}

/** Parses a number over the minimum and up to the maximum. */
export function numberIn(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > minimum) || value > maximum)
      throw new InvalidArgumentError(`a number over ${minimum} and up to ${maximum} is needed.`);
    return value;
  };
}

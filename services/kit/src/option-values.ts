/** Values of command-line options: parsed and checked where they are read, refused with the range that is allowed. */
import { InvalidArgumentError } from "commander";

/** Parses a whole number in a range, both ends included. */
export function integerIn(minimum: number, maximum: number): (text: string) => number {
  const accepts = (value: number) => Number.isInteger(value) && value >= minimum && value <= maximum;
  return parserOf(accepts, `a whole number from ${minimum} to ${maximum} is needed.`);
}

/** Parses a whole number from 0 that a field of the schema holds. */
export const wholeNumber = integerIn(0, 2 ** 31 - 1);

/** Parses a number in a range, both ends included. */
export function numberIn(minimum: number, maximum: number): (text: string) => number {
  const accepts = (value: number) => value >= minimum && value <= maximum;
  return parserOf(accepts, `a number from ${minimum} to ${maximum} is needed.`);
}

/** Parses a number in a range without its lower end. */
export function numberOver(minimum: number, maximum: number): (text: string) => number {
  const accepts = (value: number) => value > minimum && value <= maximum;
  return parserOf(accepts, `a number over ${minimum} and up to ${maximum} is needed.`);
}

/** An empty text is no number, although `Number` takes it for 0. */
function parserOf(accepts: (value: number) => boolean, message: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !accepts(value)) throw new InvalidArgumentError(message);
    return value;
  };
}

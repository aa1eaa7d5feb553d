/** Lists of numbers as options take them. */
import { InvalidArgumentError } from "commander";
import { integerIn, numberIn } from "#kit/option-values.ts";

const LARGEST_BLOCK = 1_023;
const block = integerIn(0, LARGEST_BLOCK);

/** "9,12-14" as 9, 12, 13, 14. */
export function blocks(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const [first = "", last = first, ...others] = part.split("-");
    const [from, to] = [block(first), block(last)];
    if (others.length > 0 || to < from)
      throw new InvalidArgumentError(`"${part}" is neither a block nor a range of blocks.`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

/** "0.1,0.2" as numbers in a range. */
export function numbersIn(minimum: number, maximum: number): (text: string) => number[] {
  const one = numberIn(minimum, maximum);
  return (text) => text.split(",").map(one);
}

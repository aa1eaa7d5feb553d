/**
 * What determinism costs: products with the kernels as they are, beside a build of the same sources that may add in another
 * order. The kernels measure that themselves, in a process of their own; here its lines become a row.
 */
import { join } from "node:path";
import { rowOf, type BenchRow } from "../rows.ts";
import { keyFor, type OwnBench } from "./pairs.ts";

const PROGRAM = join(import.meta.dir, "..", "..", "..", "kernels", "bench-order.ts");
const PRODUCT = /^(\S+ \d+x\d+, \d+ rows): ([\d.]+) \(/gm;

/** Row `order`: time with the fixed order / time without, of each product; its range is that of the products. */
export async function measureOrder(bench: OwnBench): Promise<BenchRow[]> {
  const child = Bun.spawn([process.execPath, PROGRAM], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [text, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(errors);
  const products = [...text.matchAll(PRODUCT)];
  if (products.length === 0) throw new Error(`${PROGRAM} names no product`);
  const times = products.map(([, , ratio]) => Number(ratio));
  const names = products.map(([, name]) => name).join("; ");
  const key = keyFor({ ...bench, threads: 1 }, "order", 0, 1, "Trimtab, sums in any order");
  return [
    rowOf(
      key,
      "times",
      times,
      times.map(() => 1),
      names,
    ),
  ];
}

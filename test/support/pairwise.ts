/** Pairwise covering designs: few rows in which any two values of two different factors meet at least once. */

/** Factors by name with their values. */
export type Factors = Readonly<Record<string, readonly unknown[]>>;

/** A row of a design. */
export type Row<F extends Factors> = { readonly [Name in keyof F]: F[Name][number] };

/** A covering design, greedy: each row takes the values that cover most pairs still open. Deterministic. */
export function pairwise<const F extends Factors>(factors: F): Row<F>[] {
  const names = Object.keys(factors);
  const pair = (a: number, i: number, b: number, j: number) => `${a}:${i} ${b}:${j}`;
  const open = new Set<string>();
  for (const [a, first] of names.entries()) {
    for (const [b, second] of names.entries()) {
      if (a >= b) continue;
      for (const i of (factors[first] ?? []).keys()) {
        for (const j of (factors[second] ?? []).keys()) open.add(pair(a, i, b, j));
      }
    }
  }
  const rows: Row<F>[] = [];
  while (open.size > 0) {
    const chosen: number[] = [];
    const [seed = ""] = open;
    const fixed = new Map(seed.split(" ").map((part) => part.split(":").map(Number) as [number, number]));
    for (const [a, name] of names.entries()) {
      const values = [...(factors[name] ?? []).keys()];
      const gain = (i: number) =>
        [...chosen.entries()].filter(([b, j]) => open.has(pair(b, j, a, i))).length +
        [...fixed].filter(([b, j]) => b > a && open.has(pair(a, i, b, j))).length;
      chosen.push(fixed.get(a) ?? values.reduce((best, i) => (gain(i) > gain(best) ? i : best), 0));
    }
    for (const [a, i] of chosen.entries()) {
      for (const [b, j] of chosen.entries()) if (a < b) open.delete(pair(a, i, b, j));
    }
    rows.push(Object.fromEntries(names.map((name, a) => [name, factors[name]?.[chosen[a] ?? 0]])) as Row<F>);
  }
  return rows;
}

/** Every combination of the values. */
export function product<const F extends Factors>(factors: F): Row<F>[] {
  let rows: Record<string, unknown>[] = [{}];
  for (const [name, values] of Object.entries(factors)) {
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value })));
  }
  return rows as Row<F>[];
}

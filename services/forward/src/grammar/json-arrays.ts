/** Arrays of JSON as EBNF. */
import { invalid, leastOf, mostOf, type Schema, type Translation } from "./json-translation.ts";

/** Arrays of a schema; all of `prefixItems` are there, unless `maxItems` forbids it. */
export function arrayRule(context: Translation, schema: Schema, path: string): string {
  const { items, minItems, maxItems } = schema;
  const allowed = mostOf(schema, "maxItems");
  const prefix = ((schema.prefixItems as readonly unknown[] | undefined) ?? []).slice(0, allowed);
  const least = leastOf(context, schema, "minItems", path);
  const most = items === false ? prefix.length : allowed;
  if (least > most) throw invalid(context.field, path, "allows nothing");
  const first = prefix.map((part, index) => context.translate(part, `${path}/prefixItems/${index}`));
  if (most === 0) return context.rule('"[" ws "]"');
  const isBare =
    items === undefined && minItems === undefined && maxItems === undefined && first.length === 0;
  if (isBare) return "array";
  const others = most - first.length;
  if (others === 0) return context.rule(`"[" ws ${first.join(' "," ws ')} ws "]"`);
  const item = context.translate(items ?? true, `${path}/items`);
  if (first.length > 0) {
    const more = repeated(`("," ws ${item})`, Math.max(0, least - first.length), others);
    return context.rule(`"[" ws ${first.join(' "," ws ')} ${more} ws "]"`);
  }
  const list = `${item} ${repeated(`("," ws ${item})`, Math.max(0, least - 1), others - 1)} ws`;
  return context.rule(`"[" ws ${least > 0 ? list : `(${list})?`} "]"`);
}

/** `body` between `least` and `most` times. */
function repeated(body: string, least: number, most: number): string {
  if (most === 0) return "";
  if (most === Infinity) return least === 0 ? `${body}*` : `${body}{${least},}`;
  return `${body}{${least},${most}}`;
}

/** Random safetensors headers: sound ones, and such with damaged values, texts, lengths and data. Seeded. */
import type { createRandom } from "../../../model/strings.ts";
import { mutateJson } from "./mutate.ts";

type Random = ReturnType<typeof createRandom>;

const DTYPES = { F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1 } as const;
const NAMES = Object.keys(DTYPES) as (keyof typeof DTYPES)[];

/** A file. */
export function randomHeader(random: Random): Uint8Array {
  const header: Record<string, unknown> = random.below(3) === 0 ? { __metadata__: { format: "pt" } } : {};
  let end = 0;
  for (let i = random.below(6); i >= 0; i--) {
    const dtype = NAMES[random.below(NAMES.length)] as keyof typeof DTYPES;
    const shape = Array.from({ length: random.below(4) }, () => 1 + random.below(5));
    const size = shape.reduce((a, b) => a * b, DTYPES[dtype]);
    header[`t.${i}`] = { dtype, shape, data_offsets: [end, end + size] };
    end += size;
  }
  if (random.below(5) < 2) return encode(JSON.stringify(header), end);
  const damaged = JSON.stringify(random.below(4) > 0 ? mutateJson(header, random) : header);
  return damage(encode(damageText(damaged, random), end), random);
}

function damageText(json: string, random: Random): string {
  const at = random.below(json.length + 1);
  const kinds = [
    () => json,
    () => json.slice(0, at) + json.slice(at + 1 + random.below(4)),
    () => json.slice(0, at) + ['"', "{", "[", "}", ",", "\\", "\0", "é"][random.below(8)] + json.slice(at),
    () => json.replace(/"t\.\d"/g, '"t.0"'),
    () => json.replace('"t.0"', '"__proto__"'),
    () => json.replace(/"shape":/, `"shape":${"[".repeat(20)}${"]".repeat(20)},"x":`),
    () => ` ${json}`,
  ];
  return (kinds[random.below(kinds.length)] as () => string)();
}

function damage(file: Uint8Array, random: Random): Uint8Array {
  const kind = random.below(12);
  if (kind === 0) return file.slice(0, random.below(file.length));
  if (kind === 1)
    new DataView(file.buffer).setBigUint64(0, [0n, 1n, 1n << 40n, (1n << 64n) - 1n][random.below(4)]!, true);
  if (kind === 2) file[8 + random.below(file.length - 8)] = 0xff;
  if (kind === 3) return new Uint8Array(Buffer.concat([file, new Uint8Array(1 + random.below(9))]));
  return file;
}

function encode(json: string, dataBytes: number): Uint8Array {
  const head = Buffer.from(json);
  const length = new Uint8Array(BigUint64Array.of(BigInt(head.length)).buffer);
  return new Uint8Array(Buffer.concat([length, head, new Uint8Array(dataBytes)]));
}

/** Random model directories: a tiny model whose configuration, index or header is damaged. Seeded. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { createRandom } from "../../../model/strings.ts";
import { type FamilyModel, familyModelBytes, familyModels } from "../../../support/family-models.ts";
import { hubFilesOf, writeHubDirectory } from "../../../support/hub-directory.ts";
import { mutateJson } from "./mutate.ts";

type Random = ReturnType<typeof createRandom>;

const INDEX = "model.safetensors.index.json";
const model: FamilyModel = { ...familyModels.qwen3, layers: 1 };
const files = hubFilesOf(model, familyModelBytes(model));
const path = writeHubDirectory("fuzz", files, 2);
const index = await Bun.file(join(path, INDEX)).json();

/** One directory, always the same path, with other damage. */
export function randomDirectory(random: Random): string {
  const damage = (value: unknown): string => {
    if (random.below(5) < 3) return JSON.stringify(value);
    const text = JSON.stringify(mutateJson(value, random));
    const cut = random.below(12);
    if (cut === 0) return text.slice(0, random.below(text.length + 1));
    return cut === 1 ? `${text.slice(0, -1)},"vocab_size":1}` : text;
  };
  writeFileSync(join(path, "config.json"), damage(files.config));
  writeFileSync(join(path, INDEX), damage(index));
  return path;
}

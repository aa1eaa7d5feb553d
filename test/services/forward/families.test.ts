/** What holds for every family: bits that depend on nothing but the request, and sites that mean the same. */
import { afterAll, describe, expect, test } from "bun:test";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { computeInside } from "../../support/family-forward.ts";
import { familyModels, writeFamilyModel } from "../../support/family-models.ts";
import { LAST_RESIDUALS, open, prompt } from "../../support/forward-engine.ts";

const IDS = prompt(280, 8);
const engines: { close(): Promise<void> }[] = [];
afterAll(async () => void (await Promise.all(engines.map((engine) => engine.close()))));

for (const [name, model] of Object.entries(familyModels)) {
  describe(name, () => {
    test("bits do not depend on rows of a batch, threads or SIMD variant", async () => {
      const path = await writeFamilyModel(model);
      const expected = await computeInside(path, IDS);
      expect(await computeInside(path, IDS, { rows: 9, threads: 2, simd: "plain" })).toEqual(expected);
    });

    test("what attention and MLP add to a block's input is its residual", async () => {
      const engine = await createEngine({ modelPath: await writeFamilyModel(model), threads: 1 });
      engines.push(engine);
      const sites = ["block_input", "attention_output", "mlp_output", "residual"] as const;
      const layers = Array.from({ length: model.layers }, (_, layer) => layer);
      const { activations } = await open(engine, IDS.slice(0, 60), {
        taps: sites.map((site) => ({ ...LAST_RESIDUALS, site, layers })),
      });
      for (const layer of layers) {
        const at = (site: string) =>
          activations.find((one) => one.site === site && one.layer === layer)
            ?.values as Float32Array<ArrayBuffer>;
        const sum = at("block_input").map((value, i) =>
          Math.fround(Math.fround(value + (at("attention_output")[i] ?? 0)) + (at("mlp_output")[i] ?? 0)),
        );
        expect(sum).toEqual(at("residual"));
      }
    });
  });
}

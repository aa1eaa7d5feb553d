/** The evidence a recipe carries: rates with their intervals, perplexity, quality of the gate. */
import type { Evaluation } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { percent } from "../lib/numbers.ts";

/** The table. */
export function EvidenceTable({ evaluation }: { readonly evaluation: Evaluation }) {
  return (
    <details>
      <summary>Evidence, on test prompts it never saw</summary>
      <div class="scroll" tabIndex={0} role="group" aria-label="Evidence">
        <table>
          <thead>
            <tr>
              {["Prompts", "Arm", "Rate", "95 % interval", "n", "Repetition"].map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {evaluation.cells.map(({ prompts, arm, rate, repetition }) => (
              <tr key={`${prompts} ${arm}`}>
                <th scope="row">{prompts}</th>
                <td>{arm}</td>
                <td class="number">{percent(rate?.rate ?? 0)}</td>
                <td class="number">
                  {percent(rate?.lower ?? 0)} – {percent(rate?.upper ?? 0)}
                </td>
                <td class="number">{rate?.n ?? 0}</td>
                <td class="number">{percent(repetition)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet">
        Perplexity of harmless text, steered over base: {evaluation.perplexityRatio.toFixed(3)} (gate forced
        open: {evaluation.perplexityRatioForcedOpen.toFixed(2)}).{" "}
        {evaluation.gate.map(({ set, auroc }) => `Gate on ${set}: AUROC ${auroc.toFixed(3)}.`).join(" ")}
      </p>
    </details>
  );
}

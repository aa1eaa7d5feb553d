/** Lab: make something to steer with. */
import { BuildPanel } from "./build-panel.tsx";
import { SweepPanel } from "./sweep-panel.tsx";
import { VectorPanel } from "./vector-panel.tsx";

/** The view. */
export function LabView() {
  return (
    <div class="page two">
      <div class="stack">
        <VectorPanel />
        <SweepPanel />
      </div>
      <BuildPanel />
    </div>
  );
}

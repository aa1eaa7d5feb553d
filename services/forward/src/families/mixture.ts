/** Tensor names of a mixture of experts instead of one MLP: a router, and matrices with one slice an expert. */
import type { LayerTensors } from "./family.ts";

/** What replaces the MLP's tensors. */
export const mixtureTensors: Pick<LayerTensors, "router" | "gateUp" | "down"> = {
  router: "ffn_gate_inp.weight",
  gateUp: ["ffn_gate_exps.weight", "ffn_up_exps.weight"],
  down: "ffn_down_exps.weight",
};

/** Addresses the forward pass works with, from the memory plan. */
import type { ActivationForm, Pointer } from "#kernels";
import { fillRopeTable, ropeTableBytes } from "#kernels";
import type { Rotation } from "../families/family.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LayerKv } from "../model/kv-layout.ts";
import type { MemoryPlan } from "../model/plan.ts";

/** The arena as the forward pass sees it; shapes for `rows` up to the row budget. */
export interface Workspace {
  readonly memory: WebAssembly.Memory;
  /** Where the keys and values of each layer are in a page. */
  readonly kvLayers: readonly LayerKv[];
  readonly logitRows: number;
  /** f32 [rows, width]: residual stream, branch before its add, normed rows. */
  readonly x: Pointer;
  readonly branch: Pointer;
  readonly normed: Pointer;
  /** f32 [rows, headsWidth + 2·kvWidth] */
  readonly qkv: Pointer;
  readonly query: Pointer;
  /** f32 [rows, headsWidth] */
  readonly attended: Pointer;
  /** f32 [rows, 2·feedForward], [rows, feedForward] */
  readonly gateUp: Pointer;
  readonly neurons: Pointer;
  /** f32 [rows, experts]: logits of the router; f32 [rows, width]: rows of one expert, and its output. */
  readonly routed: Pointer;
  readonly gathered: Pointer;
  readonly expertOutput: Pointer;
  /** i32 [rows]: the rows of one expert; f32 [rows]: what its output for them is multiplied with. */
  readonly expertRows: Pointer;
  readonly expertFactors: Pointer;
  /** f32 [rows, MAX_PROJECTION_RANK]: rows on their way into taps. */
  readonly projected: Pointer;
  /** Quantized rows by form. */
  readonly quantized: Readonly<Record<ActivationForm, Pointer>>;
  readonly partials: Pointer;
  /** f32 [logitRows, vocabulary] */
  readonly logits: Pointer;
  /** One table a rotation of the model. */
  readonly ropeTables: readonly Pointer[];
  /** i32 [rows] each */
  readonly ids: Pointer;
  readonly positions: Pointer;
  /** u32 [rows]: each row's page table; `pageTables` is where the tables of a batch are written. */
  readonly rowTables: Pointer;
  readonly pageTables: Pointer;
  readonly instances: Pointer;
  readonly units: Pointer;
  /** i32 [rows · segments]: the rows of the units, one unit after the other. */
  readonly unitRows: Pointer;
  readonly unitsBytes: number;
  /** Address of a KV page by its number. */
  readonly pageAddress: (page: number) => Pointer;
}

/** The workspace of a plan, with its constant tables filled; `factorsOf` gives what divides a rotation's frequencies. */
export function createWorkspace(
  memory: WebAssembly.Memory,
  plan: MemoryPlan,
  config: ModelConfig,
  factorsOf: (rotation: Rotation) => Float32Array | null,
): Workspace {
  const { regions } = plan;
  const ropeTables = config.rotations.map((rotation, index) => {
    const { contextTokens: positions } = plan;
    const { rotary } = config;
    const pointer = regions.rope.pointer + index * ropeTableBytes(positions, rotary);
    const factors = factorsOf(rotation) ?? new Float32Array(rotary / 2).fill(1);
    const frequencyFactors = factors.map((factor) => factor * rotation.stretch);
    const { base, magnitude } = rotation;
    fillRopeTable(memory, pointer, { positions, rotary, base, magnitude, frequencyFactors });
    return pointer;
  });
  return {
    memory,
    kvLayers: plan.kv.layers,
    logitRows: plan.logitRows,
    x: regions.x.pointer,
    branch: regions.branch.pointer,
    normed: regions.normed.pointer,
    qkv: regions.qkv.pointer,
    query: regions.query.pointer,
    attended: regions.attended.pointer,
    gateUp: regions.gateUp.pointer,
    neurons: regions.neurons.pointer,
    routed: regions.routed.pointer,
    gathered: regions.gathered.pointer,
    expertOutput: regions.expertOutput.pointer,
    expertRows: regions.expertRows.pointer,
    expertFactors: regions.expertFactors.pointer,
    quantized: { a8: regions.a8.pointer, a16: regions.a16.pointer, f32: regions.f32.pointer },
    projected: regions.projected.pointer,
    partials: regions.partials.pointer,
    logits: regions.logits.pointer,
    ropeTables,
    ids: regions.ids.pointer,
    positions: regions.positions.pointer,
    rowTables: regions.rowTables.pointer,
    pageTables: regions.pageTables.pointer,
    instances: regions.instances.pointer,
    units: regions.units.pointer,
    unitRows: regions.unitRows.pointer,
    unitsBytes: regions.units.sizeBytes,
    pageAddress: (page) => regions.kv.pointer + page * plan.kv.pageBytes,
  };
}

/**
 * Third phase: reads the last third of the blocks at the last token of the training prompts and fits the controller.
 * Tokens: every training and validation prompt once, without the shared beginning of the template.
 */
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type ControllerRunner, loadController, writeController } from "../controller/artifact.ts";
import type { ControllerSettings } from "../controller/fit.ts";
import { fitInThread } from "../controller/fit-thread.ts";
import { layerWeights } from "../dose.ts";
import { controllerLayers } from "../features.ts";
import { type Prompt, type Split, takePrompts } from "../recipes/prompts.ts";
import type { ControllerChoices } from "../recipes/recipe.ts";
import { type CaptureText, newTokens } from "../work/capture.ts";
import { type Rendered, renderTurns } from "../work/text.ts";
import { type PhaseContext, phaseName } from "./context.ts";
import { keptFeatures } from "./kept.ts";
import type { SearchResult } from "./search-phase.ts";
import { storedResult } from "./stored.ts";

/** Result of the phase. */
export interface ControllerResult {
  readonly runner: ControllerRunner;
  /** "sha256:<hex>" of the ONNX file. */
  readonly digest: string;
}

/** Fits the controller of a recipe with a gate, or finds it in the store. */
export async function controllerPhase(
  context: PhaseContext,
  search: SearchResult,
  settings: ControllerChoices,
): Promise<ControllerResult> {
  const { model, recipe, store } = context;
  const count = settings.prompts_per_class;
  const train = labelled(recipe.steer, recipe.leave, "train", count);
  const validation = labelled(recipe.steer, recipe.leave, "validation", count);
  const name = phaseName(context, "controller", [settings, train, validation, search.doses]);
  const stored = await storedResult(context, name, ArtifactKind.CONTROLLER, async (bytes, digest) => ({
    ...{ runner: await loadController(bytes), digest },
  }));
  if (stored) return stored;
  const texts = [...train.prompts, ...validation.prompts];
  context.say("tokenizing prompts");
  const rendered = await renderPrompts(context, texts);
  context.budget(newTokens(rendered));
  context.say(`activations of ${texts.length} prompts`);
  const rows = await keptFeatures(context, "features", promptsOf(rendered));
  context.say("training");
  const trainRows = {
    rows: rows.slice(0, train.labels.length),
    labels: train.labels,
    groups: train.prompts.map(({ family }) => family),
  };
  const validationRows = { rows: rows.slice(train.labels.length), labels: validation.labels };
  const order = {
    train: trainRows,
    validation: validationRows,
    layerWeights: layerWeights(search.doses, model.layers),
    settings: toFit(settings),
  };
  const { network, report } = await fitInThread(order, context.scope.signal);
  const facts = {
    modelDigest: model.digest,
    layers: model.layers,
    width: model.width,
    featureLayers: controllerLayers(model.layers),
  };
  const bytes = writeController(network, facts, report);
  // Loaded last: whatever fails before has nothing to close.
  const { digest } = store.put({
    name,
    kind: ArtifactKind.CONTROLLER,
    bytes,
    modelDigest: model.digest,
    madeFrom: { recipe: `sha256:${recipe.digest}` },
    replace: true,
  });
  context.say(
    `hidden ${report.hidden}, ${report.loss}: validation AUROC ${report.validationAuroc.toFixed(3)}`,
  );
  return { runner: await loadController(bytes), digest };
}

/** Templated prompts. */
export function renderPrompts(
  { clients, model, scope }: PhaseContext,
  prompts: readonly Prompt[],
): Promise<Rendered[]> {
  return renderTurns(
    clients,
    model,
    prompts.map(({ text }) => ({ prompt: text })),
    scope,
  );
}

/** Rendered turns without their answers. */
export function promptsOf(rendered: readonly Rendered[]): CaptureText[] {
  return rendered.map(({ ids, answerTokens }) => ({
    ids: ids.slice(0, ids.length - answerTokens),
    first: 0,
  }));
}

function labelled(steer: readonly Prompt[], leave: readonly Prompt[], split: Split, count: number) {
  const positive = takePrompts(steer, split, count);
  const negative = takePrompts(leave, split, count);
  return {
    prompts: [...positive, ...negative],
    labels: [...positive.map(() => 1), ...negative.map(() => 0)],
  };
}

function toFit(settings: ControllerChoices): ControllerSettings {
  return {
    hidden: settings.hidden,
    losses: settings.losses,
    axes: settings.axes,
    learningRate: settings.learning_rate,
    weightDecay: settings.weight_decay,
    batch: settings.batch,
    maxEpochs: settings.max_epochs,
    patience: settings.patience,
    falseSteerCost: settings.false_steer_cost,
    ramp: settings.ramp,
    seed: settings.seed,
    folds: settings.folds,
  };
}

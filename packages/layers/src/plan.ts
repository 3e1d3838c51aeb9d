import { nearest } from '@man/base';
import { cutIntoBlocks, fromFunctions, type LocalBlock, type LocalLoss, type Shape, type Unit, type UnitFunctions } from '@man/core';
import type * as tf from '@tensorflow/tfjs';
import { cutInvalid } from './errors.ts';
import { narrowPlaces, type Step, stepsOf } from './steps.ts';
import { type Piece, pieceOf, piecesOf } from './units.ts';

/** A block before it has anything to learn by. */
export interface PlannedBlock {
  readonly block: LocalBlock;
  readonly layers: readonly tf.layers.Layer[];
  /** What MAN would look at: the next block up to its first layers with something to train. Null where that is the classifier or nothing. */
  readonly look: Piece | null;
  /** The units behind what the local loss is given, without the classifier. */
  readonly following: readonly Unit[];
}

/** Where to cut, and by whose leave. */
export interface PlanOptions {
  readonly blocks?: number;
  readonly cuts?: readonly string[];
  readonly loss?: LocalLoss;
  /** Whether the local loss is built behind the look. */
  readonly looks: boolean;
}

/**
 * A model in blocks.
 *
 * @throws MAN_LAYERS_UNSUPPORTED, MAN_LAYERS_CUT; MAN_CORE_PARTITION, MAN_CORE_OPTION, MAN_CORE_CUT, MAN_CORE_CUT_UNUSABLE
 */
export function planOf(input: tf.SymbolicTensor, output: tf.SymbolicTensor, options: PlanOptions): readonly PlannedBlock[] {
  const { blocks, cuts, loss, looks } = options;
  const steps = stepsOf(input, output);
  const inputShape = input.shape.slice(1) as number[];
  const pieces = piecesOf(
    steps,
    inputShape,
    (cuts ?? []).map((cut) => placeOf(cut, steps)),
  );
  const units = pieces.map(({ unit }) => unit) as [Unit, ...Unit[]];
  const lookBetween = (start: number, end: number) => lookAt(pieces.slice(start, Math.min(end, pieces.length - 1)), steps, inputShape);
  const backbone = { name: 'the model', inputShape, classes: output.shape[1] as number, partitions: {}, build: () => network };
  const partition = { ...(blocks === undefined ? {} : { blocks }), ...(cuts === undefined ? { balanced: 'memory' as const } : { cuts }) };
  const network = { units, classifier: passOn(units.at(-1)?.outputShape as Shape) };
  const cut = cutIntoBlocks(backbone, network, partition, (site) => {
    const look = looks ? lookBetween(units.indexOf(site.next), pieces.length) : null;
    return loss?.objection?.({ ...site, featureShape: look?.unit.outputShape ?? site.featureShape }) ?? null;
  });
  return cut.map((block, i) => {
    const [start, next] = [block, cut[i + 1]].map((of) => units.indexOf(of?.units[0] as Unit)) as [number, number];
    const layers = pieces.slice(start, start + block.units.length).flatMap((piece) => piece.layers);
    const behind = cut[i + 1]?.units.length ?? 0;
    const look = behind === 0 ? null : lookBetween(next, next + behind);
    const seen = looks && look !== null ? look.end : (pieces[next]?.start ?? steps.length);
    const following = pieces.slice(0, -1).flatMap(({ unit, start: at }) => (at >= seen ? [unit] : []));
    return { block, layers, look, following };
  });
}

/** The step that a cut stands behind. */
function placeOf(cut: string, steps: readonly Step[]): number {
  const nameAt = (place: number) => (steps[place] as Step).layer.name;
  const places = narrowPlaces(steps).slice(0, -1);
  const place = steps.findIndex(({ layer }) => layer.name === cut);
  if (places.includes(place)) return place;
  const names = places.map(nameAt);
  if (place === steps.length - 1) throw cutInvalid(cut, 'it is the last layer, behind which nothing is left', names);
  if (place >= 0) throw cutInvalid(cut, 'a branch goes past it', names);
  const near = nearest(cut, names).map((name) => `'${name}'`);
  throw cutInvalid(cut, near.length > 0 ? `no layer has that name; did you mean ${near.join(' or ')}?` : 'no layer has that name', names);
}

function lookAt(pieces: readonly Piece[], steps: readonly Step[], inputShape: Shape): Piece | null {
  const [first] = pieces;
  const trained = pieces.find(({ unit }) => Object.keys(unit.parameters()).length > 0);
  return first === undefined || trained === undefined ? null : pieceOf(steps, first.start, trained.end, inputShape);
}

/** The classifier is the model's last piece; what a network has behind its units hands that on. */
function passOn(shape: Shape): Unit {
  const functions: UnitFunctions = { inputShape: shape, outputShape: shape, apply: (x) => x, parameters: () => [], clone: () => functions };
  return { ...fromFunctions(functions), activations: () => 0 };
}

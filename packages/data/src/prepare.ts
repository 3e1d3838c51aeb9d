import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Rng, restoreRng } from '@man/base';
import { type Finish, finisher, type Target } from './augment.ts';
import { type ImageShape, volume } from './dataset.ts';
import { createDecoderWith, type Decoder, MAX_PIXELS } from './decode.ts';
import type { Picture } from './jpeg.ts';
import { createPictures } from './picture-module.ts';
import type { PictureSource } from './picture-source.ts';
import { readSource } from './read-source.ts';
import { createResampler, type Resampler } from './resample.ts';
import { type CropRange, centre, randomSizing } from './sizing.ts';

/** One batch's work, as it is sent to a worker thread: only plain data. */
export interface BatchTask extends Finish {
  readonly pictures: MemoryPictures | EncodedPictures;
  /** A random part of each picture, resized; null where pictures are taken whole. */
  readonly range: CropRange | null;
  /** The stream of the batch, of which `picture:<number>` is split off for each picture; null where nothing is random. */
  readonly stream: ReturnType<Rng['state']> | null;
  /** Indices into the split, in the order of the batch. */
  readonly numbers: Uint32Array;
  /** Whether a picture that cannot be read is left out, instead of being the end. */
  readonly skip: boolean;
  /** Memory that threads share. */
  readonly out: Target;
}

/** uint8 pictures, `[*, ...shape]`, and which of them. */
export interface MemoryPictures {
  readonly source: Uint8Array;
  readonly rows: Uint32Array;
}

/** Pictures that have to be decoded. */
export interface EncodedPictures {
  readonly sources: readonly PictureSource[];
  /** What the shorter side is resized to before the centre is cut out, where nothing is random. */
  readonly resize: number;
  readonly maxPixels: number | undefined;
  /**
   * Two numbers that threads share: the place in the batch of the picture that is worked on; and, once all is done, 1 and how many could not
   * be read. They outlive a thread whose answer does not arrive.
   */
  readonly progress: Int32Array;
}

/** A picture that could not be read. */
export interface Fault {
  /** In the batch. */
  readonly place: number;
  readonly reason: string;
}

/**
 * Does one batch's work. Pictures that are left out have no place in `task.out`: the others move up.
 *
 * @param isStopped given where batches are prepared on the thread that trains: asked between pictures, which lets others have their turn
 * @returns what could not be read
 */
export async function prepareBatch(task: BatchTask, isStopped?: () => boolean): Promise<readonly Fault[]> {
  const { out } = task;
  const count = task.numbers.length;
  const faults: Fault[] = [];
  const rng = task.stream === null ? null : restoreRng(task.stream);
  let done = 0;
  if ('source' in task.pictures && task.range === null) {
    const { source, rows } = task.pictures;
    const finishOf = finisher(task);
    rows.forEach((row, i) => {
      finishOf(i)(source, row * volume(task.shape), i, out);
    });
    return faults;
  }
  const { decoder, resampler } = toolsOf('source' in task.pictures ? undefined : task.pictures.maxPixels);
  const write = writer(task, resampler);
  for (let place = 0; place < count; place++) {
    if (isStopped !== undefined) await nextTurn();
    if (isStopped?.() === true) break;
    // Called again when one decoder gives up and another takes over: each time from the start of the picture's stream.
    const use = (found: Picture) => resize(task, found, rng?.split(`picture:${task.numbers[place]}`) ?? null, resampler);
    try {
      const made = make(task.pictures, task.shape, place, decoder, use);
      if (made instanceof Promise) await made;
    } catch (error) {
      faults.push({ place, reason: error instanceof Error ? error.message : String(error) });
      if (!task.skip) break;
      continue;
    }
    write(place, done++);
  }
  if ('progress' in task.pictures) task.pictures.progress[1] = 1 + faults.length;
  return faults;
}

/** Hands the picture at a place of the batch to `use`: at once where it can be, since its memory is used again by other batches. */
function make(
  pictures: BatchTask['pictures'],
  shape: ImageShape,
  place: number,
  decoder: Decoder,
  use: (found: Picture) => void,
): void | Promise<void> {
  if ('source' in pictures) {
    const [height, width] = shape;
    const at = (pictures.rows[place] as number) * volume(shape);
    const data = pictures.source.subarray(at, at + volume(shape));
    return use({ width, height, part: () => ({ data, width, height, channels: 3, left: 0, top: 0 }) });
  }
  pictures.progress[0] = place;
  const bytes = readSource(pictures.sources[place] as PictureSource);
  return bytes instanceof Promise ? bytes.then((read) => decoder.open(read, use)) : decoder.open(bytes, use);
}

function resize({ range, shape, pictures }: BatchTask, picture: Picture, rng: Rng | null, resampler: Resampler): void {
  const { width, height } = picture;
  const sizing =
    range !== null && rng !== null
      ? randomSizing(rng, width, height, range, shape)
      : centre(width, height, 'source' in pictures ? Math.min(width, height) : pictures.resize, shape);
  resampler.resample(picture, sizing.box, sizing.size, sizing.window);
}

/** Finishes the picture that the resampler holds: `place` is its place in the task, `to` that in the batch. */
function writer(task: BatchTask, resampler: Resampler): (place: number, to: number) => void {
  const { recipe, placements, shape, out, normalization } = task;
  const size = volume(shape);
  const [height, width] = shape;
  if (recipe !== null && (recipe.pad > 0 || recipe.crop[0] !== height || recipe.crop[1] !== width)) {
    const picture = new Uint8Array(size);
    const finishOf = finisher(task);
    return (place, to) => {
      resampler.copy(picture, 0);
      finishOf(place)(picture, 0, to, out);
    };
  }
  // Nothing is cut: what the finisher would write, without leaving the resampler's memory.
  return (place, to) => {
    const mirrored = placements?.[3 * place + 2] === 1;
    if (out.pixels !== null) resampler.scale(out.pixels, to * size, mirrored, null);
    if (out.images !== null) resampler.scale(out.images, to * size, mirrored, normalization);
  };
}

interface Tools {
  readonly decoder: Decoder;
  readonly resampler: Resampler;
}

/** One decoder for each limit: threads keep theirs. */
const tools = new Map<number | undefined, Tools>();

function toolsOf(maxPixels: number | undefined): Tools {
  let found = tools.get(maxPixels);
  if (found === undefined) {
    const pictures = createPictures();
    found = { decoder: createDecoderWith(maxPixels ?? MAX_PIXELS, pictures), resampler: createResampler(pictures) };
    tools.set(maxPixels, found);
  }
  return found;
}

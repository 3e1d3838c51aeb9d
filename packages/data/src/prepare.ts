import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Rng, restoreRng } from '@man/base';
import { type Finish, finisher, type Target } from './augment.ts';
import { volume } from './dataset.ts';
import { createDecoder, type Decoder, type Raster } from './decode.ts';
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
  /** Memory that is shared with the other thread: the place in the batch of the picture that is worked on. */
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
  const finishOf = finisher(task);
  const faults: Fault[] = [];
  const rng = task.stream === null ? null : restoreRng(task.stream);
  let done = 0;
  if ('source' in task.pictures && task.range === null) {
    const { source, rows } = task.pictures;
    rows.forEach((row, i) => {
      finishOf(i)(source, row * volume(task.shape), i, out);
    });
    return faults;
  }
  const tools = await toolsOf('source' in task.pictures ? undefined : task.pictures.maxPixels);
  const picture = new Uint8Array(volume(task.shape));
  for (let place = 0; place < count; place++) {
    if (isStopped !== undefined) await nextTurn();
    if (isStopped?.() === true) break;
    try {
      const own = rng?.split(`picture:${task.numbers[place]}`) ?? null;
      const stored = storedOf(task, place);
      const found = stored instanceof Promise ? await stored : stored;
      // The decoder's memory is used again by other batches of this thread: nothing may come between decoding and use.
      const decoded = found instanceof Uint8Array ? tools.decoder.decode(found) : found;
      resize(task, decoded instanceof Promise ? await decoded : decoded, own, tools.resampler, picture);
    } catch (error) {
      faults.push({ place, reason: error instanceof Error ? error.message : String(error) });
      if (!task.skip) break;
      continue;
    }
    finishOf(place)(picture, 0, done++, out);
  }
  return faults;
}

/** The picture at a place of the batch, as it is stored: pixels, or a file's bytes. */
function storedOf({ pictures, shape }: BatchTask, place: number): Raster | Uint8Array | Promise<Uint8Array> {
  if ('source' in pictures) {
    const [height, width] = shape;
    const at = (pictures.rows[place] as number) * volume(shape);
    return { data: pictures.source.subarray(at, at + volume(shape)), width, height, channels: 3 };
  }
  pictures.progress[0] = place;
  return readSource(pictures.sources[place] as PictureSource);
}

function resize({ range, shape, pictures }: BatchTask, raster: Raster, rng: Rng | null, resampler: Resampler, out: Uint8Array): void {
  const { width, height } = raster;
  const sizing =
    range !== null && rng !== null
      ? randomSizing(rng, width, height, range, shape)
      : centre(width, height, 'source' in pictures ? Math.min(width, height) : pictures.resize, shape);
  resampler.resample(raster, sizing.box, sizing.size, sizing.window, out, 0);
}

interface Tools {
  readonly decoder: Decoder;
  readonly resampler: Resampler;
}

/** One decoder for each limit: threads keep theirs. */
const tools = new Map<number | undefined, Promise<Tools>>();

function toolsOf(maxPixels: number | undefined): Promise<Tools> {
  const found = tools.get(maxPixels);
  if (found !== undefined) return found;
  const made = createDecoder(maxPixels).then((decoder) => ({ decoder, resampler: createResampler() }));
  tools.set(maxPixels, made);
  return made;
}

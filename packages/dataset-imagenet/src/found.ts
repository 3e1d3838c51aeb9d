import { join } from 'node:path';
import { namesIn, type PictureSource } from '@man/data';
import type { Devkit } from './devkit.ts';
import { fileMissing, wrongContents } from './errors.ts';
import type { PictureList } from './picture-list.ts';

/** Pictures of a half with their classes, wherever they are. */
export interface Found {
  /** The classes that occur, in any order. */
  readonly wnids: readonly string[];
  /** Of each picture the place of its class in `wnids`. */
  readonly classes: Uint16Array;
  locate(index: number): PictureSource;
}

export const isPicture = (name: string) => /\.(jpe?g|png)$/i.test(name);
export const isWnid = (name: string) => /^n\d{8}$/.test(name);

/** Names of files in their natural order: `_9` before `_10`. */
export const natural = new Intl.Collator('en', { numeric: true }).compare;

/** A folder with a folder for each class. @throws `MAN_IMAGENET_CONTENTS` */
export function inFolders(path: string): Found {
  const wnids = namesIn(path).filter(isWnid).sort();
  const names: string[] = [];
  const classes: number[] = [];
  for (const [place, wnid] of wnids.entries()) {
    for (const name of namesIn(join(path, wnid)).filter(isPicture).sort(natural)) {
      names.push(name);
      classes.push(place);
    }
  }
  if (names.length === 0) throw wrongContents(path, 'folders of pictures, named n01440764 and so on', 'none');
  const of = (index: number) => join(wnids[classes[index] as number] as string, names[index] as string);
  return { wnids, classes: Uint16Array.from(classes), locate: (index) => ({ name: of(index), file: join(path, of(index)) }) };
}

/** A flat folder of validation pictures, whose classes the devkit tells. @throws `MAN_IMAGENET_FILE_MISSING`, `MAN_IMAGENET_CONTENTS` */
export function inFlatFolder(path: string, devkit: Devkit | null, root: string): Found {
  const names = namesIn(path).filter(isPicture).sort(natural);
  if (names.length === 0) throw wrongContents(path, 'pictures', 'none');
  return {
    ...byNumber(names.length, (index) => names[index] as string, devkit, root),
    locate: (index) => ({ name: names[index] as string, file: join(path, names[index] as string) }),
  };
}

/** The training archive: names are `n01440764/n01440764_10026.JPEG`. @throws `MAN_IMAGENET_CONTENTS` */
export function inTrainingTar(file: string, list: PictureList): Found {
  const places = new Map<string, number>();
  const classes = Uint16Array.from({ length: list.size }, (_, index) => {
    const wnid = list.name(index).split('/')[0] as string;
    if (!isWnid(wnid)) throw wrongContents(file, 'archives of pictures, named n01440764.tar and so on', list.name(index));
    if (!places.has(wnid)) places.set(wnid, places.size);
    return places.get(wnid) as number;
  });
  return { wnids: [...places.keys()], classes, locate: inside(file, list) };
}

/** The validation archive, which is flat. @throws `MAN_IMAGENET_FILE_MISSING`, `MAN_IMAGENET_CONTENTS` */
export function inValidationTar(file: string, list: PictureList, devkit: Devkit | null, root: string): Found {
  return { ...byNumber(list.size, (index) => list.name(index), devkit, root), locate: inside(file, list) };
}

const inside = (file: string, list: PictureList) => (index: number) => {
  const start = list.start(index);
  return { name: list.name(index), file, start, end: start + list.bytes(index) };
};

/** Classes of pictures that are named `ILSVRC2012_val_00000001.JPEG`, by their number. */
function byNumber(size: number, nameOf: (index: number) => string, devkit: Devkit | null, root: string): Pick<Found, 'wnids' | 'classes'> {
  if (devkit === null) {
    throw fileMissing(
      root,
      'ILSVRC2012_devkit_t12.tar.gz',
      'it tells the classes of the validation pictures, which are not sorted into folders',
    );
  }
  const wnids = [...devkit.synsets.values()].map(({ wnid }) => wnid);
  const places = new Map([...devkit.synsets.keys()].map((id, place) => [id, place]));
  const classes = Uint16Array.from({ length: size }, (_, index) => {
    const number = Number(/(\d{8})\.[a-z]+$/i.exec(nameOf(index))?.[1]);
    const id = devkit.truth[number - 1];
    if (id === undefined) throw wrongContents(root, `validation pictures numbered 1 to ${devkit.truth.length}`, nameOf(index));
    return places.get(id) as number;
  });
  return { wnids, classes };
}

/** The same pictures in another order. */
export function sorted(found: Found, order: Uint32Array): Found {
  return {
    wnids: found.wnids,
    classes: Uint16Array.from(order, (index) => found.classes[index] as number),
    locate: (index) => found.locate(order[index] as number),
  };
}

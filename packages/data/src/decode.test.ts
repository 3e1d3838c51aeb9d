import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { createRng } from '@man/base';
import { describe, expect, it } from 'vitest';
import { createDecoder } from './decode.ts';
import { isPlainJpeg, type Picture, type Raster } from './jpeg.ts';
import { createResampler } from './resample.ts';
import { centre, randomBox } from './sizing.ts';

interface Entry {
  readonly shape: readonly number[];
  readonly offset: number;
}
interface Case {
  readonly name: string;
  readonly out: Entry;
  readonly box?: readonly [number, number, number, number];
  readonly size?: readonly [number, number];
  readonly resize?: number;
  readonly crop?: number;
}

const folder = new URL('./fixtures/pictures/', import.meta.url);
const file = (name: string) => readFileSync(new URL(name, folder));
const { pictures, resized } = JSON.parse(file('expected.json').toString()) as {
  pictures: Record<string, { decoded: Entry }>;
  resized: Case[];
};
const blob = inflateSync(file('expected.bin'));
const expected = ({ shape, offset }: Entry) => blob.subarray(offset, offset + shape.reduce((a, b) => a * b));

const decoder = createDecoder();
/** A picture that is decoded already. */
const whole = async (name: string): Promise<Picture> => {
  const raster = await decoder.decode(file(name));
  const data = Uint8Array.from(raster.data);
  return { ...raster, part: () => ({ ...raster, data }) };
};

/** Grey spread over three channels. */
const colours = ({ data, channels }: Raster) =>
  channels === 3 ? Buffer.from(data) : Buffer.from([...data].flatMap((value) => [value, value, value]));

describe('createDecoder', () => {
  it.each(Object.keys(pictures))('gives the pixels of Pillow: %s', async (name) => {
    const { decoded } = pictures[name] as { decoded: Entry };
    const raster = await decoder.decode(file(name));
    expect([raster.height, raster.width]).toEqual(decoded.shape.slice(0, 2));
    const difference = Math.max(...colours(raster).map((value, i) => Math.abs(value - (expected(decoded)[i] as number))));
    expect(difference).toBe(0);
  });

  it('takes plain JPEG files by itself, and leaves the others to libvips', () => {
    const plain = Object.keys(pictures).filter((name) => isPlainJpeg(file(name)));
    expect(plain.sort()).toEqual(
      ['420', '422', '444', 'broken-exif', 'grey', 'progressive', 'restart', 'turned', 'wide'].map((name) => `${name}.jpg`),
    );
  });

  it.each<[string, Buffer]>([
    ['neither a JPEG nor a PNG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['neither a JPEG nor a PNG', Buffer.alloc(0)],
    ['', file('420.jpg').subarray(0, 1200)],
    ['', file('named.jpg').subarray(0, 3000)],
    ['', file('cmyk.jpg').subarray(0, 1500)],
  ])('refuses in words: %s', async (words, bytes) => {
    await expect(async () => decoder.decode(bytes)).rejects.toThrow(words === '' ? Error : words);
    expect((await decoder.decode(file('wide.jpg'))).width).toBe(150);
  });

  it('refuses too many pixels before it makes memory for them', async () => {
    const huge = Buffer.from(file('420.jpg'));
    const frame = huge.indexOf(Buffer.from([0xff, 0xc0]));
    huge.writeUInt16BE(50_000, frame + 5);
    huge.writeUInt16BE(50_000, frame + 7);
    const before = process.memoryUsage().rss;
    expect(() => decoder.decode(huge)).toThrow('50000×50000 pixels');
    const png = Buffer.from(file('named.jpg'));
    png.writeUInt32BE(50_000, 16);
    png.writeUInt32BE(50_000, 20);
    await expect(async () => decoder.decode(png)).rejects.toThrow();
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
    await expect(async () => createDecoder(1000).decode(file('420.jpg'))).rejects.toThrow('at most 1000');
  });

  it.each(['420.jpg', '422.jpg', '444.jpg', 'grey.jpg', 'progressive.jpg', 'restart.jpg'])(
    'decodes parts as the whole: %s',
    async (name) => {
      const rng = createRng(name);
      const picture = (await whole(name)).part({ left: 0, top: 0, width: 1, height: 1 });
      const { width, height, channels, data } = picture;
      for (let i = 0; i < 60; i++) {
        const [w, h] = [1 + rng.integer(width), 1 + rng.integer(height)];
        const box = { left: rng.integer(width - w + 1), top: rng.integer(height - h + 1), width: w, height: h };
        const part = await decoder.open(file(name), (opened) => opened.part(box));
        for (let y = 0; y < h; y++) {
          const from = ((box.top + y - part.top) * part.width + box.left - part.left) * channels;
          const at = ((box.top + y) * width + box.left) * channels;
          expect(Buffer.compare(part.data.subarray(from, from + w * channels), data.subarray(at, at + w * channels))).toBe(0);
        }
      }
    },
  );

  it('takes a file that was cut off for damaged, whichever part is decoded', async () => {
    const cut = file('420.jpg').subarray(0, 1500);
    await expect(async () => decoder.open(cut, (picture) => picture.part({ left: 0, top: 0, width: 8, height: 8 }))).rejects.toThrow();
  });

  it('survives every truncation and any changed byte', async () => {
    const rng = createRng('pictures');
    const good = (await decoder.decode(file('wide.jpg'))).data.length;
    for (const name of ['420.jpg', 'progressive.jpg', 'grey.jpg', 'cmyk.jpg', 'named.jpg']) {
      const bytes = file(name);
      for (let i = 0; i < 60; i++) {
        const changed = Uint8Array.from(i % 3 === 0 ? bytes.subarray(0, rng.integer(bytes.length)) : bytes);
        for (let k = 0; k <= rng.integer(8) && changed.length > 0; k++)
          changed[rng.integer(Math.min(changed.length, i % 2 ? 1e6 : 700))] = rng.integer(256);
        try {
          const { data, width, height, channels } = await decoder.decode(changed);
          expect(data.length).toBe(width * height * channels);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    }
    expect((await decoder.decode(file('wide.jpg'))).data).toHaveLength(good);
  });
});

describe('createResampler', () => {
  const resampler = createResampler();

  it.each(resized)('gives the pixels of Pillow: %j', async ({ name, out, box, size, resize, crop }) => {
    const picture = await whole(name);
    const made = new Uint8Array(out.shape.reduce((a, b) => a * b));
    if (box !== undefined && size !== undefined) {
      const [left, top, width, height] = box;
      const target = { width: size[0], height: size[1] };
      resampler.resample(picture, { left, top, width, height }, target, { left: 0, top: 0, ...target });
    } else {
      const sizing = centre(picture.width, picture.height, resize as number, [crop as number, crop as number]);
      resampler.resample(picture, sizing.box, sizing.size, sizing.window);
    }
    resampler.copy(made, 0);
    expect(Buffer.compare(made, expected(out))).toBe(0);
  });

  it('spreads grey over three channels, and grows its memory', async () => {
    const grey = await whole('grey.jpg');
    const all = { left: 0, top: 0, width: grey.width, height: grey.height };
    const size = { width: 900, height: 700 };
    const out = new Uint8Array(900 * 700 * 3 + 5).fill(7);
    resampler.resample(grey, all, size, { left: 0, top: 0, ...size });
    resampler.copy(out, 5);
    expect([...out.subarray(0, 5)]).toEqual([7, 7, 7, 7, 7]);
    for (let i = 5; i < out.length; i += 3) if (out[i] !== out[i + 1] || out[i] !== out[i + 2]) throw new Error(`colour at ${i}`);
  });
});

describe('randomBox', () => {
  const range = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;

  it('keeps its order of draws (golden)', () => {
    const box = randomBox(createRng(8), 500, 375, range);
    const rng = createRng(8);
    const [area, ratio] = [
      500 * 375 * (0.08 + 0.92 * rng.next()),
      Math.exp(Math.log(3 / 4) + (Math.log(4 / 3) - Math.log(3 / 4)) * rng.next()),
    ];
    const [width, height] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))];
    const top = rng.integer(375 - height + 1);
    expect(box).toEqual({ top, left: rng.integer(500 - width + 1), width, height });
  });

  it('stays within the picture, the area and the ratio', () => {
    const rng = createRng('boxes');
    let area = 0;
    for (let i = 0; i < 2000; i++) {
      const { left, top, width, height } = randomBox(rng, 400, 300, range);
      expect(left >= 0 && top >= 0 && left + width <= 400 && top + height <= 300).toBe(true);
      expect(width / height).toBeGreaterThan(0.74);
      expect(width / height).toBeLessThan(1.35);
      area += (width * height) / 120_000 / 2000;
    }
    // Boxes that do not fit are drawn again, so large ones are rarer than (0.08 + 1) / 2 would have it.
    expect(area).toBeGreaterThan(0.42);
    expect(area).toBeLessThan(0.54);
  });

  it('takes the largest box in the centre of a picture that is too wide or too high', () => {
    expect(randomBox(createRng(1), 1000, 10, range)).toEqual({ left: 493, top: 0, width: 13, height: 10 });
    expect(randomBox(createRng(1), 10, 1000, range)).toEqual({ left: 0, top: 493, width: 10, height: 13 });
    expect(randomBox(createRng(1), 1, 1, range)).toEqual({ left: 0, top: 0, width: 1, height: 1 });
  });
});

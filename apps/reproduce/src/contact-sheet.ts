import { createLoader, type Dataset, evaluationLoader, type LoaderOptions, trainingLoader } from '@man/data';
import { formatCount } from '@man/track';
import { dispose, env, setBackend } from '@tensorflow/tfjs';
import sharp from 'sharp';
import { loaderOptions } from './data.ts';
import { dateText } from './environment.ts';
import type { TrainConfig } from './schema/index.ts';

/** What a contact sheet shows. */
export interface Sheet {
  readonly dataset: Dataset;
  readonly config: Pick<TrainConfig, 'data' | 'seed'>;
  /** Of each batch. */
  readonly pictures: number;
  /** Which set it is and why. */
  readonly message: string;
  readonly configuration: string;
}

interface Picture {
  /** A PNG file. */
  readonly png: Buffer;
  readonly label: string;
}

/** A page that needs no other file and no script: batches of training in two epochs, the same pictures plain, and pictures of the test. */
export async function contactSheet(sheet: Sheet): Promise<{ readonly html: string; readonly drawn: number }> {
  // A few pictures: no engine has to be started, and none recommended, which tfjs does unless it believes to be tested.
  env().set('IS_TEST', true);
  await setBackend('cpu');
  const { dataset, config, pictures } = sheet;
  const options = { ...loaderOptions(config), batch: Math.min(pictures, dataset.train.size), prefetch: 1 };
  const test = { ...options, batch: Math.min(pictures, dataset.test.size) };
  const sections: (readonly [string, readonly Picture[]])[] = [
    ['Training, first batch of epoch 1, as the network sees it', await draw(dataset, 'augmented', options, 1)],
    ['The same pictures without augmentation', await draw(dataset, 'plain', options, 1)],
    ['Training, first batch of epoch 2', await draw(dataset, 'augmented', options, 2)],
    ['Test', await draw(dataset, 'test', test, 1)],
  ];
  const drawn = sections.reduce((sum, [, all]) => sum + all.length, 0);
  return { html: page(sheet, sections), drawn };
}

/** The first batch of an epoch, as pictures. */
async function draw(
  dataset: Dataset,
  kind: 'augmented' | 'plain' | 'test',
  options: LoaderOptions,
  epoch: number,
): Promise<readonly Picture[]> {
  const make = {
    augmented: () => trainingLoader(dataset, options),
    plain: () => createLoader(dataset.train, { ...options, shuffle: true }),
    test: () => evaluationLoader(dataset, options),
  };
  const loader = make[kind]();
  try {
    for await (const batch of loader.epoch(epoch)) {
      const [count = 0, height = 0, width = 0, channels = 0] = batch.images.shape;
      const pixels = (batch.pixels ?? batch.images).dataSync<'float32'>();
      const labels = batch.labels.dataSync<'int32'>();
      dispose({ ...batch });
      const size = height * width * channels;
      const raw = { width, height, channels: channels as 1 | 3 };
      return await Promise.all(
        Array.from({ length: count }, async (_, i) => {
          const bytes = Uint8Array.from(pixels.subarray(i * size, (i + 1) * size), (value) => Math.round(255 * value));
          return { png: await sharp(bytes, { raw }).png().toBuffer(), label: dataset.classes[labels[i] as number] ?? String(labels[i]) };
        }),
      );
    }
    return [];
  } finally {
    await loader.close();
  }
}

function page({ dataset, message, configuration }: Sheet, sections: readonly (readonly [string, readonly Picture[]])[]): string {
  const { train, test, classes, imageShape } = dataset;
  const facts = [
    message,
    `${formatCount(train.size)} pictures to train on, ${formatCount(test.size)} to test, ${formatCount(classes.length)} classes, ${imageShape.join('×')}`,
    `augmentation ${JSON.stringify(dataset.augmentation)}`,
    `mean ${dataset.normalization.mean.map((value) => value.toFixed(4)).join(', ')}; deviation ${dataset.normalization.std.map((value) => value.toFixed(4)).join(', ')}`,
    dateText(),
  ];
  // Small pictures are enlarged in whole steps, so that each pixel can be seen.
  const zoom = Math.max(1, Math.floor(128 / imageShape[1]));
  const figures = (pictures: readonly Picture[]) =>
    pictures
      .map(({ png, label }) => {
        const size = `width="${zoom * imageShape[1]}" height="${zoom * imageShape[0]}"`;
        return `<figure><img ${size} alt="${escaped(label)}" src="data:image/png;base64,${png.toString('base64')}"><figcaption>${escaped(label)}</figcaption></figure>`;
      })
      .join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(dataset.name)}: pictures</title>
<style>
  body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }
  section { display: flex; flex-wrap: wrap; gap: 8px; }
  figure { margin: 0; width: min-content; }
  figcaption { font-size: 12px; overflow-wrap: anywhere; }
  img { image-rendering: pixelated; display: block; background: #eee; }
  pre { background: #f4f4f4; padding: 1em; overflow: auto; }
</style>
<h1>${escaped(dataset.name)}</h1>
<ul>${facts.map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>
${sections.map(([title, pictures]) => `<h2>${escaped(title)}</h2>\n<section>\n${figures(pictures)}\n</section>`).join('\n')}
<h2>Configuration</h2>
<pre>${escaped(configuration)}</pre>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

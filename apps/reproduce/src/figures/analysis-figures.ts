import { lineChart } from '@man/track';
import { type Cell, methodName, type Profile } from '../tables/cell.ts';
import type { Job } from '../tables/job.ts';
import { type Measured, spreadOf } from '../tables/measured.ts';
import type { Analyses, Seen } from './analyses.ts';
import { type ByCell, type Figure, figureCells } from './figure.ts';
import { composed, pictureGrid, type SmallPicture } from './picture.ts';

/** Runs of a cell that have a result. */
function finished(measured: Measured | undefined): readonly Job[] {
  return measured === undefined ? [] : measured.jobs.filter(({ seed }) => measured.runs.has(seed));
}

/** The last unit of the first stage of ResNet-32, and how many test pictures are shown. */
const [UNIT, PICTURES] = ['stage1.unit4', 8];

/** Fig. 5: feature maps of DGL, with the EMA copy, with the trained copy, and with both. */
export async function figure5(byCell: ByCell, analyses: Analyses): Promise<Figure> {
  const title = `Figure 5: feature maps behind ${UNIT} with the parts of MAN`;
  const cells = figureCells('5');
  const seen: (readonly Seen[])[] = [];
  for (const cell of cells) {
    const [job] = finished(byCell.get(cell.id));
    seen.push(job === undefined ? [] : await analyses.maps(job, UNIT, PICTURES));
  }
  const names = cells.map((cell, i) => `(${'abcd'[i]}) ${methodName(cell)}`);
  const mapped = ({ maps: { width, height }, maps }: Seen, values = maps.mean): SmallPicture => ({ values, width, height });
  const shownFirst = seen.find((each) => each.length > 0) ?? [];
  const means = await pictureGrid(
    [
      { name: 'test picture', pictures: shownFirst.map(({ pixels, maps: { width, height } }) => ({ values: pixels, width, height })) },
      ...seen.map((each, i) => ({ name: names[i] as string, pictures: each.map((one) => mapped(one)) })),
    ],
    { title: 'Mean over channels', heads: Array.from({ length: PICTURES }, (_, i) => String(i)), side: 96 },
  );
  const channels = await pictureGrid(
    seen.map((each, i) => ({
      name: names[i] as string,
      pictures: each[0]?.maps.channels.map((values) => mapped(each[0] as Seen, values)) ?? [],
    })),
    { title: 'Channels of test picture 0', heads: Array.from({ length: 16 }, (_, i) => String(i)), side: 45 },
  );
  const rows = seen.flatMap((each, i) =>
    each.flatMap(({ maps: { width, mean } }, picture) =>
      [...mean].map((value, at) => [methodName(cells[i] as Cell), picture, Math.floor(at / width), at % width, Number(value.toFixed(5))]),
    ),
  );
  return {
    title,
    svg: composed([[means], [channels]], title),
    rows: [['method', 'picture', 'row', 'column', 'mean over channels'], ...rows],
    notes: [
      'The paper does not say which layer, channels and pictures it shows. Here: the last unit of the first stage, the first test pictures, seed 1; each map is stretched to black … white by itself.',
    ],
  };
}

/** Passes over the training pictures that probes learn for. */
const PROBE_EPOCHS: Readonly<Record<Profile, number>> = { paper: 100, quick: 5, smoke: 1 };

/** Fig. 6: linear separability behind each block, ResNet-32 and ResNet-110. */
export async function figure6(byCell: ByCell, analyses: Analyses, profile: Profile): Promise<Figure> {
  const title = 'Figure 6: linear separability by block on CIFAR-10';
  const epochs = PROBE_EPOCHS[profile];
  const found = await lookedAt(figureCells('6'), byCell, async (job) =>
    (await analyses.probes(job, epochs))?.map(({ unit, accuracy }) => ({ layer: unit, value: 100 * accuracy })),
  );
  const networks = ['ResNet-32', 'ResNet-110'];
  const charts = networks.map((network) =>
    lineChart({
      title: `${network} in ${network === 'ResNet-32' ? 16 : 55} blocks`,
      x: { title: 'block' },
      y: { title: 'probe accuracy', unit: '%' },
      series: found
        .filter(({ cell }) => cell.backbone === network)
        .map(({ cell, runs }) => ({ label: methodName(cell), points: meanByLayer(runs) })),
    }),
  );
  return {
    title,
    svg: composed([await Promise.all(charts)], title),
    rows: [['network', 'method', 'seed', 'block', 'unit', 'accuracy %'], ...longRows(found, ({ backbone }) => [backbone])],
    notes: [
      `A probe is one linear layer on the block’s output, averaged over height and width, of the frozen network; ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}. The paper states no recipe.`,
      'The network trained end to end, which the paper does not show here, is probed in the same places.',
    ],
  };
}

/** Fig. 7: linear CKA of each layer with the same layer of the network that was trained end to end. */
export async function figure7(byCell: ByCell, analyses: Analyses): Promise<Figure> {
  const title = 'Figure 7: similarity to end-to-end training by layer, ResNet-32, K=16, DGL';
  const [endToEnd, ...cells] = figureCells('7');
  const others = finished(byCell.get(endToEnd?.id ?? ''));
  const found = await lookedAt(cells, byCell, async (job) => {
    const other = others.find(({ seed }) => seed === job.seed);
    const similarity = other === undefined ? null : await analyses.similarity(job, other);
    return similarity?.map(({ layer, cka }) => ({ layer, value: cka }));
  });
  const chart = await lineChart({
    title: 'Linear CKA with the same layer of the network trained end to end',
    x: { title: 'layer' },
    y: { title: 'CKA' },
    series: found.map(({ cell, runs }) => ({ label: methodName(cell), points: meanByLayer(runs) })),
    width: 560,
    height: 300,
  });
  return {
    title,
    svg: composed([[chart]], title),
    rows: [['method', 'seed', 'layer', 'name', 'CKA'], ...longRows(found, () => [])],
    notes: [
      'Linear CKA over the test pictures, unbiased over mini-batches, of all values behind the ReLU of the stem and each unit, and of the logits; both networks of the same seed. The paper does not say which CKA, layers and data set.',
    ],
  };
}

/** A number per layer of each run of a cell. */
interface Found {
  readonly cell: Cell;
  readonly runs: readonly { readonly seed: number; readonly layers: readonly { readonly layer: string; readonly value: number }[] }[];
}

async function lookedAt(
  cells: readonly Cell[],
  byCell: ByCell,
  look: (job: Job) => Promise<Found['runs'][number]['layers'] | undefined>,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const cell of cells) {
    const runs: Found['runs'][number][] = [];
    for (const job of finished(byCell.get(cell.id))) {
      const layers = await look(job);
      if (layers !== undefined) runs.push({ seed: job.seed, layers });
    }
    found.push({ cell, runs });
  }
  return found;
}

function meanByLayer(runs: Found['runs']): (readonly [number, number | null])[] {
  const [first] = runs;
  return (first?.layers ?? []).map((_, i) => {
    const values = runs.map(({ layers }) => layers[i]?.value ?? Number.NaN);
    return [i + 1, spreadOf(values)?.mean ?? null] as const;
  });
}

function longRows(found: readonly Found[], before: (cell: Cell) => readonly string[]): (string | number)[][] {
  return found.flatMap(({ cell, runs }) =>
    runs.flatMap(({ seed, layers }) =>
      layers.map(({ layer, value }, i) => [...before(cell), methodName(cell), seed, i + 1, layer, Number(value.toFixed(5))]),
    ),
  );
}

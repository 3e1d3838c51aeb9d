import sharp from 'sharp';

/** Room between the charts of a picture, in pixels. */
const GAP = 24;

interface Placed {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/**
 * Charts in rows, as one SVG on white: a picture for papers and slides, where nothing around it says what colour its text has.
 *
 * @param rows SVG texts with `width` and `height` in pixels
 */
export function composed(rows: readonly (readonly string[])[], title: string): string {
  const placed = rows.map((row) => row.map(sized));
  const width = GAP + Math.max(...placed.map((row) => row.reduce((sum, { width: each }) => sum + each + GAP, 0)));
  let y = GAP;
  const parts = placed.flatMap((row) => {
    let x = GAP;
    const top = y;
    y += Math.max(...row.map(({ height }) => height)) + GAP;
    return row.map(({ svg, width: each }) => {
      const at = x;
      x += each + GAP;
      return svg.replace('<svg ', `<svg x="${at}" y="${top}" `);
    });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" color="#1a1c1f" role="img" aria-label="${title.replace(/[<>&"]/g, ' ')}">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** The first `width` and `height` are those of the outer element. */
function sized(svg: string): Placed {
  const read = (name: string) => Number(new RegExp(`\\s${name}="([\\d.]+)(?:px)?"`).exec(svg)?.[1] ?? Number.NaN);
  return { svg, width: Math.ceil(read('width')), height: Math.ceil(read('height')) };
}

/** An SVG as PNG, two pixels for one. Text needs a font of the machine, as in a browser. */
export function rasterised(svg: string): Promise<Buffer> {
  return sharp(Buffer.from(svg), { density: 144 }).png().toBuffer();
}

/** A picture of few pixels, to be drawn larger. */
export interface SmallPicture {
  /** 0 … 1, row by row: one value a pixel, or red, green and blue. */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Pictures in a grid, each drawn `side` pixels large, as an SVG text.
 *
 * @param rows a name, and pictures; null leaves a place empty
 * @param heads names above the columns
 */
export async function pictureGrid(
  rows: readonly { readonly name: string; readonly pictures: readonly (SmallPicture | null)[] }[],
  { title, heads, side }: { readonly title: string; readonly heads: readonly string[]; readonly side: number },
): Promise<string> {
  const [left, top, step] = [150, 56, side + 6];
  const columns = Math.max(heads.length, ...rows.map(({ pictures }) => pictures.length));
  const [width, height] = [left + columns * step, top + rows.length * step];
  const text = (x: number, y: number, words: string, more = '') =>
    `<text x="${x}" y="${y}" font-family="sans-serif" font-size="11" fill="currentColor" ${more}>${words}</text>`;
  const places = rows.flatMap(({ pictures }, row) => pictures.map((picture, column) => ({ picture, row, column })));
  const images = await Promise.all(
    places.map(async ({ picture, row, column }) => {
      if (picture === null) return '';
      const data = (await enlarged(picture, side)).toString('base64');
      return `<image x="${left + column * step}" y="${top + row * step}" width="${side}" height="${side}" href="data:image/png;base64,${data}"/>`;
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    text(0, 14, title, 'font-weight="600"'),
    ...heads.map((head, i) => text(left + i * step, top - 8, head)),
    ...rows.map(({ name }, i) => text(0, top + i * step + side / 2 + 4, name)),
    ...images,
    '</svg>',
  ].join('\n');
}

/** Each pixel as a square of pixels: what scales pictures by itself blurs them. */
function enlarged({ values, width, height }: SmallPicture, side: number): Promise<Buffer> {
  const pixels = Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  const channels = values.length === width * height ? 1 : 3;
  return sharp(pixels, { raw: { width, height, channels } })
    .resize(2 * side, 2 * side, { kernel: 'nearest' })
    .png()
    .toBuffer();
}

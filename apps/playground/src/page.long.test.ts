import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type PreviewServer, preview } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EngineName } from './messages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Any Chromium: Debian's, unless CHROMIUM names another. */
const browserFile = process.env.CHROMIUM ?? '/usr/bin/chromium';
const missing = existsSync(browserFile) ? '' : ` (skipped: no browser at ${browserFile}; name one with CHROMIUM)`;
/** Software draws, where there is no graphics card, and takes its time. */
const PATIENCE = 540_000;

describe.skipIf(missing !== '')(`the page${missing}`, () => {
  let server: PreviewServer;
  let browser: Browser;
  let address: string;
  beforeAll(async () => {
    expect(existsSync(join(root, 'dist/index.html')), 'npm run build comes first').toBe(true);
    server = await preview({ root, logLevel: 'silent', preview: { port: 0, host: '127.0.0.1', open: false } });
    address = server.resolvedUrls?.local[0] as string;
    const args = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
    browser = await chromium.launch({ executablePath: browserFile, args });
  });
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  /** The page on an engine, ready; whatever it asks of others is an error. */
  async function open(engine: EngineName, steps: number, batch = 16): Promise<Page> {
    const page = await browser.newPage();
    await page.route('**', (route) => (route.request().url().startsWith(address) ? route.continue() : route.abort()));
    page.on('requestfailed', (request) => expect.fail(`asked for ${request.url()}`));
    page.on('pageerror', (error) => expect.fail(error.message));
    await page.goto(`${address}?engine=${engine}&steps=${steps}&batch=${batch}`);
    await status(page, /^Ready/);
    return page;
  }

  const status = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor({ timeout: PATIENCE });

  const lossesOf = (page: Page) =>
    page.locator('article table .number').evaluateAll((outputs) => outputs.map(({ textContent }) => Number(textContent)));

  async function train(engine: EngineName): Promise<number[]> {
    // Software takes half a minute for a step on WebGL, most of it to compile; the second is where gradients show in the losses.
    const page = await open(engine, 2, 4);
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await status(page, /^Paused behind step 2/);
    return lossesOf(page);
  }

  it(
    'trains on WebAssembly and on WebGL, to the same losses',
    async () => {
      const [wasm, webgl] = [await train('wasm'), await train('webgl')];
      // One block end to end, seven with local losses, seven with MAN.
      expect(wasm).toHaveLength(15);
      for (const [i, loss] of wasm.entries()) expect(Math.abs((webgl[i] as number) - loss), `loss ${i}`).toBeLessThanOrEqual(0.02);
      expect(Math.max(...wasm)).toBeLessThan(4);
    },
    PATIENCE,
  );

  it(
    'is used by keyboard alone, and starts again',
    async () => {
      const page = await open('wasm', 400);
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('train');
      await page.keyboard.press('Enter');
      await status(page, /^Training: step/);
      await page.keyboard.press('Enter');
      await status(page, /^Paused behind step/);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await status(page, /^Paused behind step/);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await status(page, /^Ready/);
      expect(await page.locator('article table .number').allTextContents()).toEqual(Array.from({ length: 15 }, () => '–'));
    },
    PATIENCE,
  );

  it(
    'tells a screen reader what the pictures show',
    async () => {
      const page = await open('wasm', 1);
      await page.getByRole('button', { name: 'One step' }).click();
      await status(page, /^Paused behind step 1/);
      const man = page.locator('#man');
      const heard = (await man.ariaSnapshot()).replaceAll(/\d+([.,]\d+)*/g, '#');
      expect([...new Set(heard.split('\n'))].join('\n')).toMatchInlineSnapshot(`
        "- article:
          - heading "Local losses with MAN" [level=#]
          - paragraph: # blocks, # weights, # more while training
          - heading "Losses by block" [level=#]
          - table:
            - rowgroup:
              - 'row "# loss of block #: # at first, # now #"':
                - rowheader "#"
                - 'cell "loss of block #: # at first, # now"':
                  - 'img "loss of block #: # at first, # now"'
                - cell "#"
          - term: Accuracy
          - definition: # %
          - term: Memory of a step
          - definition:
            - text: # MB
            - 'meter "Local losses with MAN: memory of a step"'
          - term: Time of a step
          - definition: # ms
          - heading "What each block sees" [level=#]
          - figure "triangle":
            - 'img "the picture itself: triangle"'
            - text: triangle
          - figure "layer #":
            - 'img "Local losses with MAN: the picture behind layer #"'
            - text: layer #"
      `);
      const unnamed = await page
        .locator('canvas')
        .evaluateAll((all) => all.filter((canvas) => !canvas.ariaLabel || canvas.role !== 'img').length);
      expect(unnamed).toBe(0);
    },
    PATIENCE,
  );
});

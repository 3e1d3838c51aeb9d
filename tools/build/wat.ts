/**
 * Turns packages/data/src/resample.wat into the module that is shipped: `npx tsx tools/build/wat.ts`. A test compares both.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const folder = new URL('../../packages/data/src/', import.meta.url);
export const GENERATED = fileURLToPath(new URL('resample-module.ts', folder));

/** The TypeScript file that holds the compiled module. */
export async function generate(): Promise<string> {
  const { parseWat } = await wabt();
  const parsed = parseWat('resample.wat', readFileSync(new URL('resample.wat', folder)), { simd: true });
  const bytes = Buffer.from(parsed.toBinary({}).buffer);
  parsed.destroy();
  const lines = bytes.toString('base64').match(/.{1,120}/g) ?? [];
  return [
    '/** resample.wat, compiled by tools/build/wat.ts. */',
    'export const RESAMPLE = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(GENERATED, await generate());

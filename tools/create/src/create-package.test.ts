import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useEngine } from '@man/ops';
import { backboneConformance, datasetConformance, lossConformance, pluginConformance, runConformance } from '@man/testkit';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { readJson, root } from '../../../test/workspace.ts';
import { myBackbone } from '../templates/backbone/src/my-backbone.ts';
import { myDataset } from '../templates/dataset/src/my-dataset.ts';
import { myLoss } from '../templates/loss/src/my-loss.ts';
import { myPlugin } from '../templates/plugin/src/my-plugin.ts';
import { createPackage, KINDS, UsageError } from './index.ts';

let place = '';
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'man-create-'));
  await useEngine('auto');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('createPackage', () => {
  it.each(KINDS)('leaves nothing of the template’s names: %s', (kind) => {
    const folder = join(place, kind);
    const files = createPackage({ kind, name: '@somebody/soft-labels', folder });
    expect(files).toEqual(['README.md', 'package.json', 'src/soft-labels.test.ts', 'src/soft-labels.ts', 'tsconfig.json']);
    expect(readdirSync(join(folder, 'src')).sort()).toEqual(['soft-labels.test.ts', 'soft-labels.ts']);
    const texts = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
    expect(texts).not.toMatch(new RegExp(`@me/|my-?${kind}`, 'i'));
    expect(texts).toContain('export function softLabels(');
    expect(texts).toContain('SoftLabelsOptions');
    expect(readJson(join(folder, 'package.json')).name).toBe('@somebody/soft-labels');
  });

  it('asks for the release of packages that it belongs to, and for the tfjs that they are tested with', () => {
    const folder = join(place, 'versions');
    createPackage({ kind: 'loss', name: 'versions', folder });
    const { peerDependencies, devDependencies } = readJson(join(folder, 'package.json'));
    const { version } = readJson(join(root, 'packages/core/package.json'));
    expect(readJson(join(root, 'tools/create/package.json')).version).toBe(version);
    expect(peerDependencies?.['@man/core']).toBe(`^${version}`);
    expect(devDependencies?.['@man/testkit']).toBe(`^${version}`);
    const ours = readJson(join(root, 'package.json')).devDependencies;
    expect(peerDependencies?.['@tensorflow/tfjs']).toBe(`^${ours?.['@tensorflow/tfjs']}`);
    expect(devDependencies?.typescript).toBe(`^${ours?.typescript}`);
  });

  it('overwrites nothing', () => {
    const folder = join(place, 'there');
    mkdirSync(folder);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    expect(() => createPackage({ kind: 'loss', name: 'there', folder })).toThrow(UsageError);
    expect(readdirSync(folder)).toEqual(['notes.txt']);
  });

  it.each(['', 'Upper', '-dash', 'a--b', '@me', 'a/b', '../x', 'delete', '7up', 'tf'])('refuses the name %j', (name) => {
    const folder = join(place, 'refused');
    expect(() => createPackage({ kind: 'plugin', name, folder })).toThrow(UsageError);
    expect(readdirSync(place)).not.toContain('refused');
  });
});

describe.each([
  ['loss', lossConformance(() => myLoss())],
  ['plugin', pluginConformance(() => myPlugin())],
  ['backbone', backboneConformance(() => myBackbone({ width: 2, inputShape: [8, 8, 3], classes: 3 }))],
  ['dataset', datasetConformance(() => myDataset({ train: 40, test: 30 }))],
] as const)('the template of a %s', (_, checks) => runConformance(checks, { test }));

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from './program.ts';
import { captureOutput } from './testing-program.ts';

const output = captureOutput();

describe('completion', () => {
  it.each([
    ['tr', 'train'],
    ['train loss=inf', 'loss=infopro loss=infopro-contrast loss=infopro-release'],
    ['train train.ep', 'train.epochs='],
    ['train loss=dgl loss.h', 'loss.head='],
    ['train loss=dgl loss.head=a', 'loss.head=auglocal'],
    ['train loss=dg backb', 'backbone. backbone='],
    ['train seed=1 --mul', '--multirun'],
    ['data ', 'show verify'],
    ['data verify dataset=s', 'dataset=shapes dataset=stl10 dataset=svhn'],
    ['sweep c', 'cancel'],
    ['checkpoint inspect ', ''],
    ['table 1 --pro', '--profile'],
    ['train --config-name ', 'compare config'],
    ['compare compare.o', 'compare.only='],
  ])('of "%s": %s', async (line, words) => {
    expect(await main(['__complete', `man-reproduce ${line}`])).toBe(0);
    expect(output.stdout.split('\n').filter(Boolean).sort().join(' ')).toBe(words);
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s, which asks this program', async (shell) => {
    expect(await main(['completion', shell])).toBe(0);
    expect(output.stdout).toContain('man-reproduce __complete');
  });

  it('has none for other shells', async () => {
    expect(await main(['completion', 'tcsh'])).toBe(2);
    expect(output.stderr).toContain('MAN_CONFIG_SHELL');
  });
});

describe('--config-dir', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'man-own-'));
    vi.stubEnv('MAN_CONFIG_DIR', '');
    mkdirSync(join(folder, 'experiment'));
    writeFileSync(join(folder, 'experiment/mine.yaml'), '# @package _global_\nseed: 77\ndefaults:\n  - override /loss: dgl\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has options of one’s own beside those of conf/, for the processes of runs too', async () => {
    expect(await main(['train', '--cfg', '--config-dir', folder, 'experiment=mine', 'backbone=resnet20', 'partition.blocks=10'])).toBe(0);
    expect(output.stdout).toMatch(/^seed: 77\n[\s\S]*\n {2}depth: 20\n[\s\S]*\nloss:\n {2}type: dgl\n/);
    expect(process.env.MAN_CONFIG_DIR).toBe(folder);
  });

  it('names the file in messages', async () => {
    writeFileSync(join(folder, 'experiment/mine.yaml'), '# @package _global_\nsed: 77\n');
    expect(await main(['train', '--cfg', '--config-dir', folder, 'experiment=mine'])).toBe(2);
    expect(output.stderr).toContain(join(folder, 'experiment/mine.yaml:2'));
  });

  it('is a folder', async () => {
    expect(await main(['train', '--cfg', '--config-dir', join(folder, 'none')])).toBe(2);
    expect(output.stderr).toContain('MAN_REPRODUCE_OPTION');
  });
});

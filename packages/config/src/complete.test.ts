import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { defineSchema, oneOf, positiveInt, truth } from '@man/base';
import { afterAll, describe, expect, it } from 'vitest';
import { completeOverride, completionScript } from './complete.ts';
import { compose } from './compose.ts';
import { memorySource } from './config-source.ts';

const composed = compose({
  source: memorySource({ 'config.yaml': 'defaults: [loss: dgl]\n', 'loss/dgl.yaml': '', 'loss/infopro.yaml': '', 'loss/info.yaml': '' }),
  schema: defineSchema({
    loss: { weight: { default: 1, format: positiveInt } },
    train: { epochs: { default: 10, format: positiveInt }, dropLast: { default: false, format: truth } },
    engine: { default: 'auto', format: oneOf('auto', 'cpu') },
    seed: { default: null, format: positiveInt, nullable: true },
  }),
});

describe('completing an override', () => {
  it.each([
    ['', ['engine=', 'loss.', 'loss=', 'seed=', 'train.']],
    ['lo', ['loss.', 'loss=']],
    ['train', ['train.']],
    ['train.', ['train.dropLast=', 'train.epochs=']],
    ['train.e', ['train.epochs=']],
    ['~lo', ['~loss', '~loss.']],
    ['+lo', ['+loss.', '+loss=']],
    ['loss=', ['loss=dgl', 'loss=info', 'loss=infopro']],
    ['loss=dgl,inf', ['loss=dgl,info', 'loss=dgl,infopro']],
    ['loss=dgl,', ['loss=dgl,info', 'loss=dgl,infopro']],
    ['engine=', ['engine=auto', 'engine=cpu']],
    ['train.dropLast=', ['train.dropLast=false', 'train.dropLast=true']],
    ['train.epochs=', ['train.epochs=10']],
    ['seed=', ['seed=null']],
    ['none=', []],
    ['x', []],
  ])('%j can become %j', (word, expected) => {
    expect(completeOverride(composed, word)).toEqual(expected);
  });
});

describe('the scripts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'complete-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'prog');
  writeFileSync(
    program,
    '#!/bin/sh\n[ "$1" = __complete ] && printf "%s\\n" "$2" > "$(dirname "$0")/asked" && cat "$(dirname "$0")/answer"\n',
  );
  chmodSync(program, 0o755);
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const has = (shell: string) => {
    try {
      execFileSync(shell, ['-c', 'true']);
      return true;
    } catch {
      return false;
    }
  };

  it.skipIf(!has('bash'))('of bash hands over the line and takes candidates behind "="', () => {
    writeFileSync(join(folder, 'answer'), 'loss=dgl\nloss=infopro\n');
    const line = 'prog train seed=1 loss=';
    const script = `${completionScript('bash', 'prog')}\nCOMP_LINE='${line}'; COMP_POINT=${line.length}; _prog; printf '%s\\n' "\${COMPREPLY[@]}"; cat ${folder}/asked`;
    expect(execFileSync('bash', ['-c', script], { env, encoding: 'utf8' })).toBe(`dgl\ninfopro\n${line}\n`);
  });

  it.each(['bash', 'zsh', 'fish'])('of %s have no mistake of grammar, where the shell is here', (shell) => {
    const file = join(folder, `script.${shell}`);
    writeFileSync(file, completionScript(shell, 'prog'));
    if (has(shell)) execFileSync(shell, ['-n', file]);
    expect(completionScript(shell, 'man-reproduce')).toContain('man-reproduce __complete');
  });

  it.skipIf(!has('fish'))('of fish completes a line', () => {
    writeFileSync(join(folder, 'answer'), 'loss=dgl\n');
    const script = `${completionScript('fish', 'prog')}\ncomplete -C 'prog train lo'`;
    expect(execFileSync('fish', ['-c', script], { env, encoding: 'utf8' })).toBe('loss=dgl\n');
  });

  it('are refused for other shells, and for names that would end up in them as code', () => {
    expect(() => completionScript('tcsh', 'prog')).toThrow('no completion for "tcsh"');
    expect(() => completionScript('bash', 'a; rm b')).toThrow('no completion');
  });
});

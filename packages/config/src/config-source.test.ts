import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isManError, oneOf } from '@man/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from './compose.ts';
import { folderSource, listGroups, memorySource, overlaySource, readTextFile, recordSource } from './config-source.ts';
import { problemsOf } from './problem.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-config-'));
  mkdirSync(join(folder, 'conf/loss/deep'), { recursive: true });
  writeFileSync(join(folder, 'secret.yaml'), 'password: 1');
  writeFileSync(join(folder, 'conf/config.yaml'), 'seed: 1');
  writeFileSync(join(folder, 'conf/loss/dgl.yaml'), 'type: dgl');
  writeFileSync(join(folder, 'conf/loss/notes.txt'), 'not an option');
  writeFileSync(join(folder, 'conf/loss/deep/a.yaml'), 'x: 1');
  writeFileSync(join(folder, 'conf/loss/huge.yaml'), 'x'.repeat(2_000_000));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const code = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return isManError(error) ? error.code : String(error);
  }
  return 'no error';
};

describe('folderSource', () => {
  it('reads and lists', () => {
    const source = folderSource(join(folder, 'conf'));
    expect(source.name).toBe('conf');
    expect(source.read('loss/dgl.yaml')).toBe('type: dgl');
    expect(folderSource(pathToFileURL(`${folder}/conf/`)).read('config.yaml')).toBe('seed: 1');
    expect(source.read('loss/none.yaml')).toBeUndefined();
    expect(source.read('config.yaml/x')).toBeUndefined();
    expect(source.list('nowhere')).toEqual([]);
    expect([...listGroups(source)]).toEqual([
      ['loss', ['dgl', 'huge']],
      ['loss/deep', ['a']],
    ]);
  });

  it.each(['../secret.yaml', '/etc/passwd', 'loss/../../secret.yaml', 'loss\\..\\x', 'a\u0000b', '', './config.yaml'])(
    'never reads %j',
    (path) => {
      expect(code(() => folderSource(join(folder, 'conf')).read(path))).toBe('MAN_CONFIG_NAME');
    },
  );

  it('names what cannot be read', () => {
    expect(code(() => folderSource(join(folder, 'nowhere')))).toBe('MAN_CONFIG_SOURCE');
    expect(code(() => folderSource(join(folder, 'secret.yaml')))).toBe('MAN_CONFIG_SOURCE');
    expect(code(() => folderSource(join(folder, 'conf')).read('loss'))).toBe('MAN_CONFIG_SOURCE');
    expect(code(() => folderSource(join(folder, 'conf')).read('loss/huge.yaml'))).toBe('MAN_CONFIG_TOO_BIG');
    expect(code(() => readTextFile(join(folder, 'conf/loss/huge.yaml')))).toBe('MAN_CONFIG_TOO_BIG');
  });
});

describe('memorySource', () => {
  it('lists like a folder', () => {
    const source = memorySource({ 'config.yaml': '', 'loss/dgl.yaml': '', 'loss/deep/a.yaml': '' });
    expect(source.list('')).toEqual([
      { name: 'config.yaml', folder: false },
      { name: 'loss', folder: true },
    ]);
    expect([...listGroups(source)]).toEqual([
      ['loss', ['dgl']],
      ['loss/deep', ['a']],
    ]);
  });

  it('is bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`g/o${i}.yaml`, '']));
    expect(code(() => listGroups(memorySource(many)))).toBe('MAN_CONFIG_TOO_BIG');
  });
});

describe('overlaySource', () => {
  const lower = memorySource({ 'config.yaml': 'defaults: [loss: dgl]', 'loss/dgl.yaml': 'type: dgl' }, 'conf');
  const upper = memorySource({ 'loss/mine.yaml': 'type: nope', 'loss/dgl.yaml': 'type: other', 'new/a.yaml': '' }, 'mine');
  const source = overlaySource(upper, lower);
  it('has the files of both, the upper ones first', () => {
    expect(source.read('loss/dgl.yaml')).toBe('type: other');
    expect(source.read('config.yaml')).toContain('defaults');
    expect([...listGroups(source)]).toEqual([
      ['loss', ['dgl', 'mine']],
      ['new', ['a']],
    ]);
  });
  it('names each file by its own place', () => {
    const schema = { loss: { type: { default: 'dgl', format: oneOf('dgl') } } };
    const problem = (overrides: string[]) => {
      try {
        compose({ source, schema, overrides });
      } catch (error) {
        return problemsOf(error)[0]?.origin;
      }
      return undefined;
    };
    expect(problem(['loss=mine'])).toMatchObject({ file: 'mine/loss/mine.yaml', line: 1 });
  });
});

describe('recordSource', () => {
  it('reads the file of a run as it is, and offers no groups', () => {
    const source = recordSource(join(folder, 'conf'));
    expect(source.read('config.yaml')).toBe('seed: 1');
    expect([...listGroups(source)]).toEqual([]);
    expect(code(() => recordSource(join(folder, 'nowhere')))).toBe('MAN_CONFIG_SOURCE');
  });
});

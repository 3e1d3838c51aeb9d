import { describe, expect, it } from 'vitest';
import { progressBar } from './progress-bar.ts';

function draw(isTTY: boolean, columns = 100) {
  const written: string[] = [];
  const clock = { now: 0 };
  const bar = progressBar({ isTTY, columns, write: (text) => written.push(text) }, () => clock.now);
  return { bar, written, clock };
}

const MB = 1e6;
/** Back to the start of the line, which is wiped. */
const CLEAR = '\r\u001b[2K';

describe('progressBar', () => {
  it('draws one line with per cent, megabytes and the time left on a terminal', () => {
    const { bar, written, clock } = draw(true);
    bar.update({ phase: 'download', message: 'downloading', done: 0, total: 200 * MB });
    clock.now = 2000;
    bar.update({ phase: 'download', message: 'downloading', done: 50 * MB, total: 200 * MB });
    expect(written.at(-1)).toBe(`${CLEAR}downloading  ${'█'.repeat(6)}${'░'.repeat(18)}  25 %  50/200 MB, 6 s left`);
    bar.end();
    expect(written.at(-1)).toBe('\n');
  });

  it('never fills a narrow terminal to its edge', () => {
    for (const columns of [80, 50, 30, 10]) {
      const { bar, written } = draw(true, columns);
      bar.update({ phase: 'unpack', message: 'unpacking', done: MB, total: 700 * MB });
      expect(written.at(-1)?.slice(CLEAR.length).length).toBeLessThan(columns);
    }
  });

  it('draws at most every 80 ms, but always the end', () => {
    const { bar, written } = draw(true);
    for (let done = 0; done <= 100; done++) bar.update({ phase: 'unpack', message: 'unpacking', done, total: 100 });
    expect(written).toHaveLength(2);
    expect(written.at(-1)).toContain('100 %');
  });

  it('writes a line per ten per cent elsewhere', () => {
    const { bar, written } = draw(false);
    for (let done = 0; done <= 1000; done++) bar.update({ phase: 'unpack', message: 'unpacking', done, total: 1000 });
    expect(written).toHaveLength(11);
    expect(written[3]).toBe('unpacking: 30 % of 0 MB\n');
  });

  it('writes a message once for work of unknown length, on a line of its own', () => {
    const { bar, written } = draw(true);
    bar.update({ phase: 'unpack', message: 'unpacking', done: 1, total: 2 });
    bar.update({ phase: 'compile', message: 'compiling' });
    bar.update({ phase: 'compile', message: 'compiling' });
    expect(written.slice(-2)).toEqual(['\n', 'compiling\n']);
  });
});

import { describe, expect, it } from 'vitest';
import { displayWidth, plainLine, truncate } from './display-width.ts';
import { formatBytes, formatCount, formatDuration, formatLoss, formatPercent, formatRate } from './format.ts';
import { textTable } from './text-table.ts';

const rows = [
  { name: 'end to end', error: 6.5, note: 'a|b' },
  { name: '日本', error: 12.25, note: null },
];
const columns = [
  { heading: 'method', value: (row: (typeof rows)[number]) => row.name },
  { heading: 'error', value: (row: (typeof rows)[number]) => row.error },
  { heading: 'note', value: (row: (typeof rows)[number]) => row.note },
];

describe('textTable', () => {
  it('aligns text left, numbers right, wide characters by their width', () => {
    expect(textTable(rows, columns)).toBe(
      ['method      error  note', '──────────  ─────  ────', 'end to end    6.5  a|b', '日本        12.25  –'].join('\n'),
    );
  });

  it('writes markdown and escapes what markdown would read', () => {
    expect(textTable(rows, columns, { format: 'markdown' })).toBe(
      [
        '| method     | error | note |',
        '| ---------- | ----: | ---- |',
        '| end to end |   6.5 | a\\|b |',
        '| 日本       | 12.25 | –    |',
      ].join('\n'),
    );
  });

  it('keeps cells on one line and free of escape sequences', () => {
    const table = textTable([{ a: 'x\n\u001b[2Jy' }], [{ heading: 'a', value: (row) => row.a, align: 'right' }]);
    expect(table.split('\n')).toEqual(['  a', '───', 'x y']);
  });
});

describe('display width', () => {
  it('counts columns, not code units', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('日本')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('\u001b[31mred\u001b[0m')).toBe(3);
    expect(displayWidth('🚀')).toBe(2);
  });

  it('cuts by columns', () => {
    expect(truncate('日本語', 4)).toBe('日…');
    expect(truncate('abc', 3)).toBe('abc');
    expect(truncate('abcd', 0)).toBe('');
    expect(plainLine('a\u001b]0;title\u0007b\r\nc')).toBe('ab c');
  });
});

describe('formats', () => {
  it.each([
    [formatBytes(0), '0 B'],
    [formatBytes(999), '999 B'],
    [formatBytes(999.6), '1.00 kB'],
    [formatBytes(1_234_567), '1.23 MB'],
    [formatBytes(12_345_678), '12.3 MB'],
    [formatBytes(999_999), '1.00 MB'],
    [formatBytes(-2_500_000_000), '-2.50 GB'],
    [formatBytes(Number.NaN), '–'],
    [formatDuration(0.424), '0.42 s'],
    [formatDuration(12.34), '12.3 s'],
    [formatDuration(59.97), '1m 00s'],
    [formatDuration(3599.7), '1h 00m'],
    [formatDuration(3725), '1h 02m'],
    [formatDuration(86_399), '1d 00h'],
    [formatDuration(187_200), '2d 04h'],
    [formatDuration(Number.POSITIVE_INFINITY), '–'],
    [formatDuration(-1), '–'],
    [formatRate(12_345.6), '12,346 images/s'],
    [formatRate(12.345), '12.3 images/s'],
    [formatRate(0.01234, 'steps'), '0.0123 steps/s'],
    [formatRate(Number.NaN), '–'],
    [formatCount(1_234_567), '1,234,567'],
    [formatCount(-1234), '-1,234'],
    [formatCount(123), '123'],
    [formatCount(99.97), '100'],
    [formatPercent(0.93471), '93.47 %'],
    [formatPercent(1, 0), '100 %'],
    [formatLoss(2.34567), '2.346'],
    [formatLoss(12.34567), '12.35'],
    [formatLoss(0), '0.000'],
    [formatLoss(0.00001234), '1.23e-5'],
    [formatLoss(1234.56), '1235'],
    [formatLoss(Number.NaN), 'NaN'],
  ])('%s is %s', (got, expected) => {
    expect(got).toBe(expected);
  });
});

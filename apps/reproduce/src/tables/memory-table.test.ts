import { describe, expect, it } from 'vitest';
import { cellOf } from './cell.ts';
import { type CellMemory, memoryRows, ratioRows } from './memory-table.ts';

const about = { dataset: 'ImageNet', backbone: 'ResNet-101' } as const;
const memory = (blocks: number, variant: 'plain' | 'man', tensorflow: number, native: number, paperGigabytes: number): CellMemory => ({
  cell: cellOf({ ...about, blocks, method: blocks === 1 ? 'E2E' : 'InfoPro', variant }),
  batch: 128,
  peakTensorBytes: { tensorflow, native },
  paperGigabytes,
});
const rows = [
  memory(1, 'plain', 20e9, 10e9, 19.71),
  memory(2, 'plain', 12e9, 6e9, 12.06),
  memory(2, 'man', 12.3e9, 6e9, 12.32),
  memory(4, 'plain', 10e9, 5e9, 10.37),
  memory(4, 'man', 10.4e9, 5.1e9, 10.69),
];

describe('Table 3', () => {
  it('tells gigabytes and what is saved, ours and the paper’s', () => {
    expect(memoryRows(rows).rows.slice(0, 3)).toEqual([
      ['ResNet-101', '128', 'end to end', '20.00', null, '10.00', null, '19.71', null],
      ['ResNet-101', '128', 'InfoPro, K=2', '12.00', '40.0 %', '6.00', '40.0 %', '12.06', '38.8 %'],
      // 37.5 % is what the paper prints.
      ['ResNet-101', '128', 'InfoPro + MAN, K=2', '12.30', '38.5 %', '6.00', '40.0 %', '12.32', '37.5 %'],
    ]);
  });

  it('tells ratios, and what MAN adds to the local loss (D19)', () => {
    expect(ratioRows(rows).rows).toEqual([
      ['ResNet-101', 'without MAN', '1.00 : 0.60 : 0.50', '1.00 : 0.60 : 0.50', '1.00 : 0.61 : 0.53', null, null, null],
      [
        'ResNet-101',
        'with MAN',
        '1.00 : 0.61 : 0.52',
        '1.00 : 0.60 : 0.51',
        '1.00 : 0.63 : 0.54',
        '+2.5 %, +4.0 %',
        '+0.0 %, +2.0 %',
        '+2.2 %, +3.1 %',
      ],
    ]);
  });

  it('leaves out what was not asked for', () => {
    expect(ratioRows(rows.slice(1, 2)).rows[0]).toEqual([
      'ResNet-101',
      'without MAN',
      '– : – : –',
      '– : – : –',
      '– : – : –',
      null,
      null,
      null,
    ]);
  });
});

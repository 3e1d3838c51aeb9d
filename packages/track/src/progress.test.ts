import { Writable } from 'node:stream';
import { isManError } from '@man/base';
import { describe, expect, it } from 'vitest';
import { displayWidth } from './display-width.ts';
import { type ProgressOptions, progress } from './progress.ts';
import { lossStrip } from './progress-line.ts';
import { blocksOf, epochReport, progressReport } from './test-reports.ts';

class FakeStream {
  written = '';
  writable = true;
  constructor(
    readonly isTTY: boolean,
    public columns: number | undefined = 100,
  ) {}
  write(text: string): boolean {
    this.written += text;
    return true;
  }
}

function terminal(columns: number | undefined, options: Partial<ProgressOptions> = {}) {
  const stream = new FakeStream(true, columns);
  let now = 0;
  const plugin = progress({ stream: stream as ProgressOptions['stream'], env: { NO_COLOR: '1' }, clock: () => now, ...options });
  return {
    stream,
    plugin,
    wait: (ms: number) => {
      now += ms;
    },
  };
}

/** What a terminal would show: the last state of each line. */
function screen(written: string): string[] {
  return written.split('\n').map((line) => (line.split('\r').at(-1) ?? '').replace('\u001b[K', ''));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f]/;

describe('progress on a terminal', () => {
  it('draws one line, and one per epoch that stays', () => {
    const { stream, plugin } = terminal(150, { label: 'MAN' });
    plugin.onProgress?.(progressReport());
    expect(screen(stream.written)).toEqual([
      'MAN  epoch 2/3  step 10/20  ████████████░░░░░░░░░░░░   50 %  loss 1.250  train 43.21 %  12m 34s left  1,235 images/s  peak 45.6 MB  █▇▃▁',
    ]);
    plugin.onEpochEnd?.(epochReport());
    expect(screen(stream.written)).toEqual([
      'MAN  epoch 2/3  loss 1.200  train 45.67 %  test 48.12 %  12.3 s  1,240 images/s  peak 45.6 MB',
      '',
    ]);
  });

  it('never takes the last column, from 10 to 250 columns, with many blocks and a long label', () => {
    const many = blocksOf(Array.from({ length: 55 }, (_, i) => 3 - i / 30));
    for (let columns = 10; columns <= 250; columns++) {
      for (const [label, env] of [
        ['', {}],
        ['日本'.repeat(30), {}],
        ['plain', { NO_COLOR: '1' }],
      ] as const) {
        const { stream, plugin } = terminal(columns, { label, env });
        plugin.onProgress?.(progressReport({ blocks: many, epochs: 400, epoch: 387 }));
        plugin.onEpochEnd?.(epochReport({ blocks: many, waiting: 0.3, epochs: 400 }));
        for (const line of stream.written.split(/[\r\n]/)) expect(displayWidth(line)).toBeLessThanOrEqual(columns - 1);
      }
    }
  });

  it('shows bar and blocks at 80 columns, joining blocks where all have no room', () => {
    const { stream, plugin } = terminal(80);
    plugin.onProgress?.(progressReport({ blocks: blocksOf(Array.from({ length: 16 }, (_, i) => 2 - i / 16)) }));
    expect(screen(stream.written)[0]).toBe('epoch 2/3  ███░░░   50 %  loss 1.063  train 50.00 %  12m 34s left  ██▇▆▆▅▄▄▃▂▁▁');
  });

  it('keeps at 40 columns what matters most', () => {
    const { stream, plugin } = terminal(40);
    plugin.onProgress?.(progressReport());
    expect(screen(stream.written)[0]).toBe('epoch 2/3  █████░░░░   50 %  loss 1.250');
    plugin.onEpochEnd?.(epochReport());
    expect(screen(stream.written)[0]).toBe('epoch 2/3  loss 1.200  test 48.12 %');
  });

  it('assumes 80 columns where the terminal does not say', () => {
    for (const columns of [undefined, 0]) {
      const { stream, plugin } = terminal(100);
      stream.columns = columns;
      plugin.onProgress?.(progressReport());
      expect(displayWidth(screen(stream.written)[0] as string)).toBeLessThanOrEqual(79);
    }
  });

  it('redraws at most every 100 ms, but always at the end of an epoch', () => {
    const { stream, plugin, wait } = terminal(100);
    const drawings = () => stream.written.split('\r').length - 1;
    plugin.onProgress?.(progressReport({ batch: 1 }));
    plugin.onProgress?.(progressReport({ batch: 2 }));
    expect(drawings()).toBe(1);
    wait(100);
    plugin.onProgress?.(progressReport({ batch: 3 }));
    expect(drawings()).toBe(2);
    plugin.onProgress?.(progressReport({ batch: 20 }));
    expect(drawings()).toBe(3);
  });

  it('uses colours unless NO_COLOR says not to', () => {
    const colored = terminal(120, { env: {} });
    colored.plugin.onProgress?.(progressReport());
    expect(colored.stream.written).toContain('\u001b[32m');
    const empty = terminal(120, { env: { NO_COLOR: '' } });
    empty.plugin.onProgress?.(progressReport());
    expect(empty.stream.written).toContain('\u001b[32m');
    const plain = terminal(120);
    plain.plugin.onProgress?.(progressReport());
    expect(plain.stream.written.replaceAll('\u001b[K', '')).not.toContain('\u001b');
  });

  it('leaves the line to the next writer on an error and at the end, once', () => {
    const { stream, plugin } = terminal(100);
    plugin.onProgress?.(progressReport());
    plugin.onError?.(new Error('x'));
    plugin.dispose?.();
    expect(stream.written.match(/\n/g)).toHaveLength(1);
    expect(stream.written.endsWith('\n')).toBe(true);
  });

  it('shows losses that are not numbers, and runs without evaluation, accuracy or memory', () => {
    const { stream, plugin } = terminal(120);
    plugin.onProgress?.(progressReport({ blocks: blocksOf([1, Number.NaN, 2]), secondsLeft: Number.NaN }));
    expect(screen(stream.written)[0]).toContain('▁!█');
    expect(screen(stream.written)[0]).toContain('– left');
    plugin.onEpochEnd?.(epochReport({ evaluation: null, peakTensorBytes: 0, blocks: [{ loss: Number.NaN, terms: {}, accuracy: null }] }));
    expect(screen(stream.written)[0]).toBe('epoch 2/3  loss NaN  12.3 s  1,240 images/s');
  });

  it('does not let a label steer the terminal', () => {
    const { stream, plugin } = terminal(120, { label: 'a\u001b[2J\u0007\nb' });
    plugin.onProgress?.(progressReport());
    expect(screen(stream.written)[0]).toMatch(/^a b {2}epoch/);
  });
});

describe('progress elsewhere', () => {
  it('writes a line per 10 % and per epoch without control characters', () => {
    for (const [tty, env] of [
      [false, {}],
      [true, { TERM: 'dumb' }],
    ] as const) {
      const stream = new FakeStream(tty);
      const plugin = progress({ stream: stream as ProgressOptions['stream'], env, label: 'run' });
      for (const epoch of [1, 2]) {
        for (let batch = 1; batch <= 40; batch++) plugin.onProgress?.(progressReport({ epoch, batch, batches: 40 }));
        plugin.onEpochEnd?.(epochReport({ epoch }));
      }
      plugin.dispose?.();
      expect(stream.written).not.toMatch(CONTROL);
      const lines = stream.written.trimEnd().split('\n');
      expect(lines).toHaveLength(20);
      expect(lines[0]).toBe('run  epoch 1/3  10 %  loss 1.250  train 43.21 %  1,235 images/s  peak 45.6 MB  12m 34s left');
      expect(lines.slice(0, 9).map((line) => line.match(/(\d+) %/)?.[1])).toEqual(['10', '20', '30', '40', '50', '60', '70', '80', '90']);
      expect(lines[9]).toBe('run  epoch 1/3  loss 1.200  train 45.67 %  test 48.12 %  12.3 s  1,240 images/s  peak 45.6 MB');
    }
  });

  it('writes one line where a report covers several tenths', () => {
    const stream = new FakeStream(false);
    const plugin = progress({ stream: stream as ProgressOptions['stream'], env: {} });
    for (const batch of [1, 2, 3]) plugin.onProgress?.(progressReport({ batch, batches: 3 }));
    expect(stream.written.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('progress on a stream that ends', () => {
  it('goes quiet when the stream is closed, throws or fails later', async () => {
    const closed = new Writable({ write: (_chunk, _encoding, done) => done() });
    closed.destroy();
    const throwing = {
      write: () => {
        throw new Error('EPIPE');
      },
    };
    let writes = 0;
    const failing = new Writable({
      write: (_chunk, _encoding, done) => {
        writes++;
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    for (const stream of [closed, throwing, failing]) {
      const plugin = progress({ stream, env: {} });
      plugin.onProgress?.(progressReport());
      // An unheard 'error' event would fail the test run.
      await new Promise((resolve) => setTimeout(resolve, 5));
      plugin.onProgress?.(progressReport({ batch: 19 }));
      plugin.onEpochEnd?.(epochReport());
      plugin.dispose?.();
    }
    expect(writes).toBe(1);
  });

  it('adds one listener to a stream, however many runs use it', () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    for (let run = 0; run < 20; run++) progress({ stream, env: {} });
    expect(stream.listenerCount('error')).toBe(1);
  });

  it('names an option that is not a stream', () => {
    try {
      progress({} as ProgressOptions);
      expect.unreachable();
    } catch (error) {
      expect(isManError(error, 'MAN_TRACK_BAD_OPTION')).toBe(true);
    }
  });
});

describe('lossStrip', () => {
  it('scales from the lowest to the highest loss', () => {
    expect(lossStrip([1, 2, 3, 4, 5, 6, 7, 8], 20)).toBe('▁▂▃▄▅▆▇█');
    expect(lossStrip([2, 2, 2], 20)).toBe('▄▄▄');
    expect(lossStrip([Number.NaN, Number.POSITIVE_INFINITY], 20)).toBe('!!');
  });

  it('joins neighbours where there are more blocks than columns', () => {
    expect(lossStrip([1, 1, 8, 8], 2)).toBe('▁█');
    expect(lossStrip(Array(55).fill(1), 16)).toHaveLength(16);
  });
});

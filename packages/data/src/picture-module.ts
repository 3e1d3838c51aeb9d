import { readFileSync } from 'node:fs';
import { type WasmMemory, wasm } from './wasm.ts';

/** Why the quick decoder does not take a file: it is damaged, or of a rare form. Another one decides. */
export class Refused extends Error {
  constructor(
    readonly code: number,
    cause?: unknown,
  ) {
    super(`libjpeg-turbo gave up (${code})`, { cause });
  }
}

/** What tools/build/pictures offers. Addresses and lengths in bytes. */
export interface PictureModule {
  readonly memory: WasmMemory;
  _initialize(): void;
  stackSave(): number;
  stackRestore(stack: number): void;
  /** Memory for a file; and for what is made of its pixels. */
  room_for(bytes: number): number;
  work_for(bytes: number): number;
  open_picture(bytes: number): number;
  picture_width(): number;
  picture_height(): number;
  decode_part(x: number, y: number, width: number, height: number): number;
  part_left(): number;
  part_width(): number;
  horizontal(
    source: number,
    stride: number,
    rows: number,
    starts: number,
    pairs: number,
    weights: number,
    taps: number,
    width: number,
    target: number,
  ): void;
  vertical(
    source: number,
    stride: number,
    length: number,
    starts: number,
    counts: number,
    weights: number,
    taps: number,
    height: number,
    target: number,
  ): void;
  normalise(source: number, width: number, rows: number, mirrored: number, constants: number, target: number): void;
}

/** The module with its memory, started anew after a fault in it. */
export interface Pictures {
  /** Runs work in the module. @throws Refused, also for a fault of the module */
  run<T>(work: (module: PictureModule) => T): T;
}

/** libjpeg-turbo and resampling in WebAssembly: nothing that a file holds gets beyond its memory, which is 1 GB at most. */
export function createPictures(): Pictures {
  let module = start();
  const stack = module.stackSave();
  return {
    run(work) {
      try {
        return work(module);
      } catch (error) {
        // What throws in the middle of C leaves its stack behind; after anything but a refusal nothing in there can be relied on.
        if (error instanceof Refused) module.stackRestore(stack);
        else module = start();
        throw error instanceof Refused ? error : new Refused(-2, error);
      }
    },
  };
}

function start(): PictureModule {
  // Bundlers leave alone what they cannot read: the file stands beside this one, in the sources as in dist.
  const file = ['.', 'pictures.wasm'].join('/');
  const module = wasm<PictureModule>(readFileSync(new URL(file, import.meta.url)), {
    env: { refuse, emscripten_notify_memory_growth: () => {} },
    wasi_snapshot_preview1: { environ_sizes_get: () => 0, environ_get: () => 0 },
  });
  module._initialize();
  return module;
}

function refuse(code: number): never {
  throw new Refused(code);
}

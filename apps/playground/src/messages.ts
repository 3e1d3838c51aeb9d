/** What trains, in the order of the columns. */
export const METHODS = ['end-to-end', 'local', 'man'] as const;
export type Method = (typeof METHODS)[number];

/** What calculates in a browser: the graphics card by two interfaces, WebAssembly, or plain JavaScript. */
export const ENGINES = ['webgpu', 'webgl', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINES)[number];

/** From the page to the worker that trains. */
export type Order =
  | { readonly type: 'prepare'; readonly engine: EngineName | 'auto'; readonly seed: number; readonly batch: number }
  | { readonly type: 'train'; readonly steps: number }
  | { readonly type: 'pause' };

/** Grey values 0 … 255 of one block's output, row by row. */
export interface FeatureMap {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** What a method has before it trains. */
export interface Contestant {
  readonly method: Method;
  readonly blocks: number;
  readonly parameters: number;
  /** Trained values beside the network, which only training needs. */
  readonly auxiliaryParameters: number;
}

/** One method's step. */
export interface Progress {
  readonly method: Method;
  readonly step: number;
  readonly losses: readonly number[];
  /** Most bytes of tensors that the step took at once: features, gradients; not the weights. */
  readonly bytes: number;
  readonly milliseconds: number;
}

/** One method, evaluated. */
export interface Judgement {
  readonly method: Method;
  readonly step: number;
  /** Share of the test pictures. */
  readonly accuracy: number;
  /** Of the example picture, one per block. */
  readonly maps: readonly FeatureMap[];
}

/** From the worker to the page. */
export type Report =
  | {
      readonly type: 'ready';
      readonly engine: EngineName;
      readonly contestants: readonly Contestant[];
      readonly example: FeatureMap;
      readonly label: string;
    }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'judgement'; readonly judgement: Judgement }
  | { readonly type: 'paused'; readonly step: number }
  | { readonly type: 'failed'; readonly message: string };

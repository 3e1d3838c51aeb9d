export { isManError, ManError, type ManErrorOptions } from './man-error.ts';
export { nearest } from './nearest.ts';
export { createRng, type Rng, type RngState, restoreRng } from './rng.ts';

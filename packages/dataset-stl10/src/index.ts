export { STL10_CLASSES } from './files.ts';
export { type Stl10Dataset, type Stl10Options, stl10, stl10Schema, verifyStl10 } from './stl10.ts';

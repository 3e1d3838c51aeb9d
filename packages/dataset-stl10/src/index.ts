export { STL10_CLASSES } from './files.ts';
export { type Stl10Dataset, type Stl10Options, stl10, verifyStl10 } from './stl10.ts';

export { type DglHead, type DglOptions, dgl, dglSchema } from './dgl.ts';

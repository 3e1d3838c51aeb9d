export { type SvhnDataset, type SvhnOptions, svhn, svhnSchema, verifySvhn } from './svhn.ts';

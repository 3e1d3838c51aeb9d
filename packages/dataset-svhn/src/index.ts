export { type SvhnDataset, type SvhnOptions, svhn, verifySvhn } from './svhn.ts';

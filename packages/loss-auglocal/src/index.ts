export { type AugLocalOptions, auglocal, auglocalSchema } from './auglocal.ts';

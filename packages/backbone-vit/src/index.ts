export { type VitOptions, vit, vitBase, vitSchema, vitSmall, vitTiny } from './vit.ts';

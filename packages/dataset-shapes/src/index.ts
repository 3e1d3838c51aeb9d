export { SHAPES_CLASSES, type ShapesOptions, shapes } from './shapes.ts';

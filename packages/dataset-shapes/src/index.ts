export { SHAPES_CLASSES, type ShapesOptions, shapes, shapesSchema } from './shapes.ts';

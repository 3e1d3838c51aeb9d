import { defineSchema, listOf, oneOf, positiveInt, text } from '@man/config';

/** Where the network is cut. */
export const partitionSchema = defineSchema({
  blocks: { doc: 'Number of blocks of a published partition; 1 is end to end.', default: null, format: positiveInt, nullable: true },
  cuts: {
    doc: 'Instead of blocks: names of the last unit of each block but the final one.',
    default: null,
    format: listOf(text),
    nullable: true,
  },
  stem: { doc: 'Whether a block of the stem alone is kept or joined with the next.', default: 'own', format: oneOf('own', 'merge') },
});

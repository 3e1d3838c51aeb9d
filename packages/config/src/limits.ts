/**
 * Bounds on what a configuration may be, far above any honest use.
 *
 * They exist so that a hostile or broken file is a clear error: the YAML library recurses, and ten thousand nested
 * brackets end the whole process instead of throwing.
 */
export const limits = {
  /** Characters of one YAML file, override file, override, or text made by interpolation. */
  characters: 256 * 1024,
  /** Maps and lists inside each other. */
  depth: 50,
  /** Values of one file with its aliases expanded, and of the whole configuration. */
  nodes: 20_000,
  /** Files that one composition may read. */
  files: 1_000,
  /** Overrides of one composition, override files included. */
  overrides: 10_000,
  /** Runs of one sweep. */
  jobs: 10_000,
  /** Interpolations that lead to each other, `${a}` → `${b}` → …. */
  references: 32,
  /** Problems that a message spells out. */
  problems: 50,
} as const;

/** Where a value came from: a line of a file, an override, or the schema's default. */
export type Origin =
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'override'; readonly text: string; readonly file?: string; readonly line?: number }
  | { readonly kind: 'schema' };

/** An origin in words: `conf/loss/dgl.yaml:4`, `override "optim.lr=0.4"`, `schema default`. */
export function describeOrigin(origin: Origin): string {
  if (origin.kind === 'schema') return 'schema default';
  if (origin.kind === 'file') return `${origin.file}:${origin.line}`;
  const place = origin.file === undefined ? '' : ` (${origin.file}:${origin.line})`;
  return `override "${origin.text}"${place}`;
}

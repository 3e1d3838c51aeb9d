import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { rooms } from './workspace.ts';

/** Throws, saying what to do, when a room has no `dist`. */
export function requireBuilt(): void {
  const missing = rooms.filter((room) => !existsSync(join(room.folder, 'dist/index.js'))).map((room) => room.manifest.name);
  if (missing.length > 0) throw new Error(`${missing.join(', ')}: not built; run \`npm run build\` first (\`npm test\` does)`);
}

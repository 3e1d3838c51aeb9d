import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isPage, type Room, rooms } from './workspace.ts';

const product = (room: Room) => join(room.folder, 'dist', isPage(room) ? 'index.html' : 'index.js');

/** Throws, saying what to do, when a room has no `dist`. */
export function requireBuilt(): void {
  const missing = rooms.filter((room) => !existsSync(product(room))).map((room) => room.manifest.name);
  if (missing.length > 0) throw new Error(`${missing.join(', ')}: not built; run \`npm run build\` first (\`npm test\` does)`);
}

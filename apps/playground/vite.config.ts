import { defineConfig } from 'vite';

/** Relative addresses, so that `dist` works in any folder of any server, without network. */
export default defineConfig({
  base: './',
  worker: { format: 'es' },
  build: { target: 'es2022', chunkSizeWarningLimit: 4096 },
});

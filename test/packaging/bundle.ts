import { join } from 'node:path';
import { build } from 'esbuild';

/** What a bundler leaves of our packages in a program that imports one thing: bytes by package. */
export async function bundledBytes(folder: string, imported: string, from: string): Promise<Readonly<Record<string, number>>> {
  const { metafile } = await build({
    stdin: { contents: `import { ${imported} } from '${from}';\nconsole.log(${imported});\n`, resolveDir: folder, loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    // Only ours are of interest.
    external: ['node:*', '@tensorflow/*'],
    plugins: [
      {
        name: 'others',
        setup: ({ onResolve }) => {
          onResolve({ filter: /^[^.]/ }, ({ path }) =>
            path.startsWith('@man/') ? undefined : { path, external: true, sideEffects: false },
          );
        },
      },
    ],
    write: false,
    metafile: true,
    absWorkingDir: folder,
  });
  const bytes: Record<string, number> = {};
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /node_modules\/(@man\/[a-z0-9-]+)\//.exec(join('/', file))?.[1];
      if (name !== undefined && bytesInOutput > 0) bytes[name] = (bytes[name] ?? 0) + bytesInOutput;
    }
  }
  return bytes;
}

import { main } from './program.ts';

// A reader that has seen enough (`… | head`) is no fault; the run and its files are not its business.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await main(process.argv.slice(2));

// A reader that has seen enough (`… | head`) is no fault; the run and its files are not its business.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const [command, ...words] = process.argv.slice(2);
// The live page runs beside training for days: it loads nothing that it does not need.
if (command === 'watch') process.exitCode = await (await import('./watch.ts')).watchCommand(words);
else process.exitCode = await (await import('./program.ts')).main(process.argv.slice(2));

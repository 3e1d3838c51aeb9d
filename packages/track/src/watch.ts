import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { badOption, portTaken } from './errors.ts';
import { PAGE, SCRIPT, STYLE } from './watch-page.ts';
import { RunFollower } from './watch-run.ts';

/** Options of {@link watch}. */
export interface WatchOptions {
  /** Searched for runs, files named `events.jsonl`, four folders deep; runs that begin later are found, too. */
  readonly folder: string;
  /** Default 6123; 0 takes any that is free. */
  readonly port?: number;
  /** Time between two looks at the files while a page is open; default 2000. Without one, nothing is looked at. */
  readonly everyMs?: number;
}

/** A running {@link watch}. */
export interface Watch {
  /** Where a browser finds the page. */
  readonly url: string;
  close(): Promise<void>;
}

/** Deeper than `outputs/<date>/<time>/<method>/`, and no deeper: people may name their home. */
const DEPTH = 4;

/**
 * Serves a page with the live curves of all runs in a folder: losses of each block, test accuracy, throughput and memory, runs overlaid.
 *
 * It reads event files, so a run neither knows of it nor waits for it, and may end and be resumed meanwhile. Only this machine can connect,
 * and only under the page's own origin and host, so no other page in the same browser can read it.
 *
 * @throws MAN_TRACK_BAD_OPTION, MAN_TRACK_PORT
 * @example
 * ```ts
 * const { url, close } = await watch({ folder: 'outputs' });
 * ```
 */
export async function watch({ folder, port = 6123, everyMs = 2000 }: WatchOptions): Promise<Watch> {
  if (typeof folder !== 'string' || folder === '') throw badOption('watch({ folder })', 'the name of a folder', folder);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw badOption('watch({ port })', 'a whole number of 0 to 65535', port);
  const hub = new Hub(resolve(folder), everyMs);
  const server = createServer((request, response) => {
    const { port: own } = server.address() as AddressInfo;
    if (isForeign(request, own)) respond(response, 403, 'text/plain', 'this page answers itself only');
    else if (request.method !== 'GET') respond(response, 405, 'text/plain', 'GET only');
    else if (request.url === '/events') hub.open(response);
    else answer(response, request.url ?? '');
  });
  await new Promise<void>((done, fail) => {
    server.once('error', (cause) => fail(portTaken(port, cause)));
    server.listen(port, '127.0.0.1', done);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      hub.close();
      return new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
    },
  };
}

/** The host keeps out names that an attacker points at this machine, the origin pages of others. */
function isForeign({ headers }: IncomingMessage, port: number): boolean {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  return (
    host === undefined ||
    !hosts.includes(host) ||
    (origin !== undefined && origin !== `http://${host}`) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  );
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function respond(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': `${type}; charset=utf-8` }).end(body);
}

function answer(response: ServerResponse, url: string): void {
  if (url === '/') respond(response, 200, 'text/html', PAGE);
  else if (url === '/watch.js') respond(response, 200, 'text/javascript', SCRIPT);
  else if (url === '/watch.css') respond(response, 200, 'text/css', STYLE);
  else if (url === '/uplot.js') respond(response, 200, 'text/javascript', library('uplot/dist/uPlot.iife.min.js'));
  else if (url === '/uplot.css') respond(response, 200, 'text/css', library('uplot/dist/uPlot.min.css'));
  else respond(response, 404, 'text/plain', 'not found');
}

function library(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(file), 'utf8');
}

/** Pages that are open, and the runs they see. While none is, nothing is read and nothing kept. */
class Hub {
  readonly #folder: string;
  readonly #everyMs: number;
  readonly #pages = new Set<ServerResponse>();
  #runs = new Map<string, RunFollower>();
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, everyMs: number) {
    this.#folder = folder;
    this.#everyMs = everyMs;
  }

  open(page: ServerResponse): void {
    page.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    // A browser asks again a second after a connection that broke.
    page.write('retry: 1000\n\n');
    page.on('close', () => {
      this.#pages.delete(page);
      if (this.#pages.size === 0) this.#rest();
    });
    this.#pages.add(page);
    if (this.#timer === undefined) {
      this.#look();
      this.#timer = setInterval(() => this.#look(), this.#everyMs);
    } else send([page], [...this.#runs.values()]);
  }

  close(): void {
    for (const page of this.#pages) page.destroy();
    this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#runs = new Map();
  }

  #look(): void {
    const files = eventFiles(this.#folder, DEPTH);
    const gone = [...this.#runs.keys()].filter((file) => !files.includes(file));
    for (const file of gone) this.#runs.delete(file);
    for (const file of files) {
      if (!this.#runs.has(file)) this.#runs.set(file, new RunFollower(file, relative(this.#folder, join(file, '..')) || '.'));
    }
    const changed = [...this.#runs.values()].filter((run) => run.poll());
    send(this.#pages, changed);
    if (gone.length > 0) write(this.#pages, 'runs', JSON.stringify([...this.#runs.values()].map((run) => run.snapshot().id)));
  }
}

function send(pages: Iterable<ServerResponse>, runs: readonly RunFollower[]): void {
  for (const run of runs) write(pages, 'run', JSON.stringify(run.snapshot()));
}

function write(pages: Iterable<ServerResponse>, event: string, data: string): void {
  for (const page of pages) {
    // A page that does not read must not fill this process: it is dropped, and asks again.
    if (page.writableLength > 8 << 20) page.destroy();
    else page.write(`event: ${event}\ndata: ${data}\n\n`);
  }
}

function eventFiles(folder: string, depth: number): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isFile()) return entry.name === 'events.jsonl' ? [path] : [];
      const isCandidate = entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules';
      return isCandidate && depth > 0 ? eventFiles(path, depth - 1) : [];
    });
  } catch {
    // Not there yet, or gone meanwhile.
    return [];
  }
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of one file on 127.0.0.1 that can be told to misbehave. */
export interface FileServer {
  readonly url: string;
  /** Range headers of the requests so far; '' for none. */
  readonly ranges: string[];
  close(): Promise<void>;
}

export interface Behaviour {
  readonly etag?: string | null;
  /** Whether it heeds Range. Default true. */
  readonly range?: boolean;
  /** For request 0, 1, …: cut the connection after so many bytes, answer with a status, or say nothing at all. */
  readonly faults?: readonly ({ readonly cutAfter: number } | { readonly status: number } | { readonly hang: true } | null)[];
}

export async function serveFile(body: Uint8Array, { etag = '"v1"', range = true, faults = [] }: Behaviour = {}): Promise<FileServer> {
  const ranges: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const fault = faults[ranges.length] ?? null;
    ranges.push(request.headers.range ?? '');
    if (fault !== null && 'hang' in fault) return;
    if (fault !== null && 'status' in fault) {
      response.writeHead(fault.status).end('sorry');
      return;
    }
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const start = range && asked !== null && request.headers['if-range'] === etag ? Number(asked[1]) : 0;
    if (start >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
      return;
    }
    const headers: Record<string, string | number> = { 'content-length': body.length - start, ...(etag === null ? {} : { etag }) };
    if (start > 0) headers['content-range'] = `bytes ${start}-${body.length - 1}/${body.length}`;
    response.writeHead(start > 0 ? 206 : 200, headers);
    if (fault === null) response.end(body.subarray(start));
    else response.write(body.subarray(start, start + fault.cutAfter), () => setTimeout(() => response.destroy(), 200));
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/set.tar.gz`,
    ranges,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

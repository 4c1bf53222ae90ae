/** A server of files on this machine that does to whoever fetches what real ones do: cuts, lies, redirects, refuses, stalls. */

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Served = {
  body: Buffer;
  etag?: string | null;
  /** Answers a range with the whole file. */
  readonly ignoresRanges?: boolean;
  /** Of each request in turn: after so many bytes of its answer the connection is cut. */
  readonly cuts?: number[];
  /** Of each request in turn: this status and nothing else. */
  readonly statuses?: number[];
  readonly retryAfter?: string;
  /** Said instead of the true length. */
  readonly saysLength?: number | null;
  readonly redirect?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** After so many bytes it sends nothing until this resolves. */
  readonly stall?: { readonly after: number; readonly until: Promise<void> };
};

export type Asked = { readonly path: string; readonly headers: IncomingHttpHeaders };

export class FileServer {
  readonly asked: Asked[] = [];
  private readonly files = new Map<string, Served>();
  private readonly server = createServer((request, response) => {
    const path = request.url ?? '';
    this.asked.push({ path, headers: request.headers });
    const file = this.files.get(path.replace(/\?.*$/, ''));
    if (file === undefined) response.writeHead(404).end();
    else void answer(file, request.headers, response);
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  serve(path: string, served: Served): string {
    this.files.set(path, served);
    return `${this.url}${path}`;
  }

  cut(): void {
    this.server.closeAllConnections();
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  }

  async end(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function answer(file: Served, headers: IncomingHttpHeaders, response: ServerResponse): Promise<void> {
  const status = file.statuses?.shift();
  if (status !== undefined) {
    response.writeHead(status, file.retryAfter === undefined ? {} : { 'retry-after': file.retryAfter }).end();
    return;
  }
  if (file.redirect !== undefined) {
    response.writeHead(302, { location: file.redirect, ...file.headers }).end();
    return;
  }
  const { body } = file;
  const etag = file.etag === undefined ? '"one"' : file.etag;
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  const goesOn = from > 0 && file.ignoresRanges !== true && headers['if-range'] === etag;
  const tags = { ...(etag === null ? {} : { etag }), ...file.headers };
  if (goesOn && from >= body.length) {
    response.writeHead(416, { ...tags, 'content-range': `bytes */${body.length}` }).end();
    return;
  }
  const content = goesOn ? body.subarray(from) : body;
  const length = file.saysLength === undefined ? content.length : file.saysLength;
  response.writeHead(goesOn ? 206 : 200, {
    ...tags,
    ...(length === null ? {} : { 'content-length': length }),
    ...(goesOn ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
  });
  const cut = file.cuts?.shift();
  if (file.stall !== undefined) {
    response.write(content.subarray(0, file.stall.after));
    await file.stall.until;
    response.end(content.subarray(file.stall.after));
    return;
  }
  if (cut === undefined) {
    response.end(content);
    return;
  }
  response.write(content.subarray(0, cut), () => response.destroy());
}

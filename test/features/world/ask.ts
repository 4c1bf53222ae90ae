/** One HTTP request on a connection of its own: to the supervisor over its socket, to an engine over its port. */

import { type RequestOptions, request } from 'node:http';
import type { Json } from '../../rig/poolctl.js';

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  json(): Json;
};

export function ask(options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text,
          json: () => JSON.parse(text) as Json,
        }),
      );
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

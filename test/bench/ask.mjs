/** Requests to a supervisor or to an engine. */

import { request } from 'node:http';

/** The text of the answer; rejects where it is no good one. @param {import('node:http').RequestOptions} wish @param {string} [body] JSON */
export function ask(wish, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length };
    const asked = request({ ...wish, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => (answer.statusCode < 300 ? resolve(text) : reject(new Error(`HTTP ${answer.statusCode}: ${text}`))));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Which requests are for us, by their names. */

import { expect, test } from 'vitest';
import { bearerIn, strangeness } from '../../src/api/guard.js';

const verdict = (host: string, headers: { readonly host?: string; readonly origin?: string }): string => {
  const names = { listen: { host, port: 9200 }, machine: 'Box' };
  const hosts = headers.host === undefined ? [] : [headers.host];
  return strangeness(names, headers, hosts)?.code ?? 'ours';
};

test.each([
  '127.0.0.1',
  '127.0.0.1:9200',
  'localhost:9200',
  'LOCALHOST',
  'localhost.:9200',
  '[::1]:9200',
  '[0:0:0:0:0:0:0:1]',
  // Through a tunnel.
  'localhost:12345',
  // An address all the same.
  '127.1:9200',
  '0x7f000001',
])('to a loopback listener, a request for %s is one for it', (host) => {
  expect(verdict('127.0.0.1', { host })).toBe('ours');
  expect(verdict('localhost', { host })).toBe('ours');
});

test.each([
  'evil.example',
  'evil.example:9200',
  '127.0.0.1.evil.example:9200',
  'localhost.evil.example',
  '192.168.1.5:9200',
  'box:9200',
  'user@127.0.0.1',
  '127.0.0.1/x',
  '127.0.0.1 evil.example',
  '127.0.0.1:99999',
  '::1',
  '.',
  '',
])('to a loopback listener, a request for "%s" is one for somebody else', (host) => {
  expect(verdict('127.0.0.1', { host })).toBe('FORBIDDEN_ORIGIN');
});

test('a listener for others goes by any address, by what it was told, and, where it listens everywhere, by the name of the machine', () => {
  for (const host of ['192.168.1.5:9200', '[fe80::1]:9200', 'localhost:9200', 'box:9200', 'BOX'])
    expect(verdict('0.0.0.0', { host }), host).toBe('ours');
  expect(verdict('::', { host: 'box' })).toBe('ours');
  expect(verdict('gpu.lan', { host: 'GPU.lan:9200' })).toBe('ours');
  for (const host of ['evil.example', 'box.evil.example', 'gpu.lan.evil.example'])
    for (const listen of ['0.0.0.0', '::', 'gpu.lan', '192.168.1.5'])
      expect(verdict(listen, { host }), host).toBe('FORBIDDEN_ORIGIN');
  expect(verdict('192.168.1.5', { host: 'box' })).toBe('FORBIDDEN_ORIGIN');
});

test('a request has one Host', () => {
  const names = { listen: { host: '127.0.0.1', port: 9200 }, machine: 'box' };
  expect(strangeness(names, {}, [])?.code).toBe('INVALID_PARAMS');
  expect(strangeness(names, { host: '127.0.0.1' }, ['127.0.0.1', 'evil.example'])?.code).toBe('INVALID_PARAMS');
});

test('no page of another site may ask', () => {
  const host = '127.0.0.1:9200';
  expect(verdict('127.0.0.1', { host, origin: 'http://127.0.0.1:9200' })).toBe('ours');
  for (const origin of [
    'http://evil.example',
    'null',
    '',
    'http://127.0.0.1',
    'http://127.0.0.1:3000',
    'http://localhost:9200',
    'file://',
  ])
    expect(verdict('127.0.0.1', { host, origin }), origin).toBe('FORBIDDEN_ORIGIN');
});

test.each([
  ['Bearer abc', 'abc'],
  ['bearer  a.b-c_~+/= ', 'a.b-c_~+/='],
  ['Basic abc', null],
  ['Bearer', null],
  ['Bearer ', null],
  ['Bearer a b', null],
  ['abc', null],
  ['', null],
])('the token of "%s"', (authorization, token) => {
  expect(bearerIn({ authorization })).toBe(token);
});

import { expect, it } from 'vitest';
import { formatEvent, formatGap, sseReader } from '../../src/api/sse.js';
import fc from '../rig/chance.js';

it('reads back what was written, in pieces of any size', () => {
  const word = fc.stringMatching(/^[a-z.]{1,12}$/);
  const message = fc.record({ id: fc.option(word, { nil: undefined }), event: word, data: fc.string({ unit: 'grapheme' }) });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat({ max: 40 })), (messages, cuts) => {
      const sent = messages.map(({ id, data, ...rest }) => ({
        ...(id === undefined ? {} : { id }),
        data: data.replaceAll('\r', ''),
        ...rest,
      }));
      const text = sent.map((each) => `: a comment\n\n${formatEvent(each)}`).join('');
      const read = sseReader();
      const heard = [];
      for (let at = 0, n = 0; at < text.length; n += 1) {
        const size = (cuts[n % Math.max(1, cuts.length)] ?? 7) + 1;
        heard.push(...read(text.slice(at, at + size)));
        at += size;
      }
      expect(heard).toEqual(sent.map(({ id, event, data }) => ({ id: id ?? null, event, data })));
    }),
  );
});

it('passes over comments, unknown fields and messages without data; takes CRLF and a field without a colon', () => {
  const text =
    'retry: 10\n: hello\ndata\n\nevent: empty\n\nid: 7\r\nevent: a\r\ndata:no space\r\ndata:  two\r\n\r\ndata: unfinished\n';
  expect(sseReader()(text)).toEqual([
    { id: null, event: 'message', data: '' },
    { id: '7', event: 'a', data: 'no space\n two' },
  ]);
});

it('forgets id and name with their message', () => {
  expect(sseReader()('id: 1\nevent: a\ndata: x\n\ndata: y\n\n')).toMatchObject([{ id: '1' }, { id: null, event: 'message' }]);
});

it('gives up on a message that never ends, be it one line or many', () => {
  expect(() => sseReader(100)('x'.repeat(101))).toThrow(RangeError);
  const read = sseReader(100);
  expect(() => {
    for (let n = 0; n < 20; n += 1) read('data: 1234567890\n');
  }).toThrow(RangeError);
  const patient = sseReader(100);
  for (let n = 0; n < 100; n += 1) expect(patient('data: 1234567890\n\n')).toHaveLength(1);
});

it('tells a gap as an event without an id', () => {
  const [gap] = sseReader()(formatGap('this reader is too slow', '2026-01-01T00:00:00.000Z'));
  expect(gap).toMatchObject({ id: null, event: 'gap' });
  expect(JSON.parse(gap?.data ?? '')).toEqual({
    time: '2026-01-01T00:00:00.000Z',
    event: 'gap',
    level: 'warn',
    human: 'events are missing here: this reader is too slow',
    reason: 'this reader is too slow',
  });
});

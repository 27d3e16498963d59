import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteText } from '../../../src/archive/byte-text.ts';

const read = (text: ByteText): string => text.written.toString('latin1');

test('text, numbers and digits stand as JavaScript writes them, also where they outgrow the memory', () => {
  const part = fc.oneof(
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 200 }),
    fc.maxSafeInteger(),
    fc.integer({ min: -3, max: 0x7fffffff }),
    fc.constantFrom(0, 9, 10, 0x7fffffff, 0x80000000),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      const text = new ByteText(Buffer.alloc(64));
      for (const one of parts) {
        if (typeof one === 'number') text.decimal(one);
        else text.text(one);
      }
      expect(read(text)).toBe(parts.join(''));
      text.clear();
      text.text('anew');
      expect(read(text)).toBe('anew');
    }),
  );
});

test.each([
  { name: 'zero', mode: 0, octal: '0' },
  { name: 'a usual mode', mode: 0o644, octal: '644' },
  { name: 'all bits of a mode', mode: 0o7777, octal: '7777' },
])('$name in base 8', ({ mode, octal }) => {
  const text = new ByteText(Buffer.alloc(8));
  text.octal(mode);
  expect(read(text)).toBe(octal);
});

test('nanoseconds have zeros in front', () => {
  const text = new ByteText(Buffer.alloc(32));
  for (const ns of [0, 1, 999_999_999]) text.padded(ns, 9);
  expect(read(text)).toBe('000000000000000001999999999');
});

test('what JSON or an escaped path has to write otherwise is refused, and nothing of it stays', () => {
  const text = new ByteText(Buffer.alloc(8));
  for (const refused of ['a"b', 'a\\b', 'a%b', 'a\nb', 'a\x7fb', 'a\xe4b']) expect(text.plain(refused)).toBe(false);
  expect(text.length).toBe(0);
  expect(text.plain(' !#$&~/a file of a longer name')).toBe(true);
  expect(read(text)).toBe(' !#$&~/a file of a longer name');
});

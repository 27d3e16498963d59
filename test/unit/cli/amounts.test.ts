import { expect, it } from 'vitest';
import { ageOf, count, formatAge } from '../../../src/cli/amounts.ts';

it.each([
  { name: 'nothing', ms: -5, text: '0s' },
  { name: 'seconds up to two minutes', ms: 119_999, text: '119s' },
  { name: 'minutes with seconds up to ten', ms: 330_000, text: '5m30s' },
  { name: 'whole minutes without seconds', ms: 300_000, text: '5m' },
  { name: 'minutes up to three hours', ms: 42 * 60_000, text: '42m' },
  { name: 'hours with minutes up to eight', ms: (3 * 60 + 12) * 60_000, text: '3h12m' },
  { name: 'hours up to two days', ms: 47 * 3_600_000, text: '47h' },
  { name: 'days with hours up to eight', ms: 51 * 3_600_000, text: '2d3h' },
  { name: 'days', ms: 42 * 86_400_000, text: '42d' },
])('writes an age as kubectl does: $name', ({ ms, text }) => {
  expect(formatAge(ms)).toBe(text);
});

it('has no age for what has no time', () => {
  expect(ageOf(undefined, 0)).toBeUndefined();
  expect(ageOf('never', 0)).toBeUndefined();
  expect(ageOf('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:42Z'))).toBe('42s');
});

it('counts in words', () => {
  expect(count(1, 'copy', 'copies')).toBe('1 copy');
  expect(count(1234, 'file')).toBe('1,234 files');
});

import { describe, expect, it } from 'vitest';
import { formatBytes, parseDurationMs, parseQuantity } from '../../../src/decide/units.ts';

describe('units', () => {
  it.each([
    ['64Mi', 64 * 2 ** 20],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['20G', 20e9],
    ['12k', 12_000],
    ['4Ki', 4096],
    ['0.0000001E', 1e11],
    ['1Ei', 2 ** 60],
    [1048576, 1048576],
    ['0', 0],
    ['many', NaN],
    ['5Xi', NaN],
    ['', NaN],
  ])('reads the quantity %s as %d', (text, bytes) => {
    expect(parseQuantity(text)).toBe(bytes);
  });

  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
    ['1m0.5s', 60_500],
    ['10', NaN],
    ['s', NaN],
    ['', NaN],
  ])('reads the duration %s as %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [3.4 * 2 ** 30, '3.4 GiB'],
    [200 * 2 ** 20, '200 MiB'],
    [3 * 2 ** 60, '3072 PiB'],
  ])('says %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

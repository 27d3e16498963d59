import { expect, it } from 'vitest';
import { makeContactMeter } from '../../../src/kube/contact-meter.ts';

it('is well since the first answer after a failure, and now while there is none', () => {
  let now = 1_000;
  const meter = makeContactMeter({ now: () => now });
  expect(meter.wellSinceMs()).toBe(0);
  meter.heard();
  expect(meter.wellSinceMs()).toBe(0);
  for (now of [5_000, 9_000]) {
    meter.failed();
    expect(meter.wellSinceMs()).toBe(now);
  }
  now = 9_500;
  expect(meter.wellSinceMs()).toBe(9_500);
  meter.heard();
  now = 20_000;
  meter.heard();
  expect(meter.wellSinceMs()).toBe(9_500);
});

it('takes an attempt that has not failed for a minute for well, though nothing was heard', () => {
  let now = 5_000;
  const meter = makeContactMeter({ now: () => now });
  meter.failed();
  now = 100_000;
  expect(meter.wellSinceMs()).toBe(65_000);
  meter.heard();
  expect(meter.wellSinceMs()).toBe(65_000);
});

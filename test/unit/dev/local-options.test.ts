import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Layout, layoutOf } from '../../../dev/local/layout.ts';
import {
  defaultOptions,
  OptionsChangedError,
  settleOptions,
  tapeSize,
  wholeNumber,
} from '../../../dev/local/options.ts';

describe('tapeSize', () => {
  it.each([
    { name: 'binary units', text: '20Gi', bytes: 20 * 2 ** 30 },
    { name: 'decimal units', text: '500M', bytes: 500e6 },
    { name: 'plain bytes', text: '16777216', bytes: 2 ** 24 },
  ])('takes $name', ({ text, bytes }) => expect(tapeSize(text)).toBe(bytes));

  it.each(['', '20', '15Mi', '1.5Gi', '-20Gi', '20GiB', '20gi', 'Gi', '999999999999Ti'])('refuses "%s"', (text) =>
    expect(() => tapeSize(text)).toThrow(InvalidArgumentError),
  );
});

describe('wholeNumber', () => {
  it('takes what lies within the bounds', () => expect(wholeNumber(1, 64)('64')).toBe(64));
  it.each(['0', '65', '1.5', '-1', '', '1e1'])('refuses "%s"', (text) =>
    expect(() => wholeNumber(1, 64)(text)).toThrow('from 1 to 64'),
  );
});

describe('settleOptions', () => {
  let layout: Layout;
  beforeEach(() => {
    layout = layoutOf(mkdtempSync(path.join(tmpdir(), 'twinreel-options-')));
  });
  afterEach(() => rmSync(layout.folder, { recursive: true, force: true }));

  it('fills in the defaults at first', () => {
    expect(settleOptions(layout, { servers: 3 })).toEqual({ ...defaultOptions, servers: 3 });
  });

  it('goes on with the options that the folder was made with', () => {
    settleOptions(layout, { servers: 3, switches: 0 });
    expect(settleOptions(layout, {})).toEqual({ ...defaultOptions, servers: 3, switches: 0 });
    expect(settleOptions(layout, { servers: 3 })).toMatchObject({ servers: 3 });
  });

  it('refuses other ones, since libraries and tapes are there already', () => {
    settleOptions(layout, {});
    expect(() => settleOptions(layout, { slots: 11 })).toThrow(OptionsChangedError);
    expect(() => settleOptions(layout, { slots: 11 })).toThrow('was made with slots 10, not 11');
  });
});

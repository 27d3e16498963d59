/** The rules are those that krew's `ValidatePlugin` applies to a manifest, read in its source. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { completeManifest } from '../../../dev/krew/manifest.ts';
import { platformOf } from '../../../dev/image/platform.ts';
import { krewSchema } from '../../support/krew-schema.ts';

const template = readFileSync(path.join(import.meta.dirname, '../../../dev/krew/twinreel.yaml'), 'utf8');
const isValid = new Ajv({ allErrors: true }).compile(krewSchema('twinreel'));

const published = ['linux/amd64', 'linux/arm64'].map((name, n) => ({
  platform: platformOf(name),
  uri: `https://example.org/${String(n)}.tar.gz`,
  sha256: String(n).repeat(64),
}));

describe('the manifest for krew', () => {
  it('is what krew takes, once version, addresses and digests are in it', () => {
    const manifest: unknown = parse(completeManifest(template, '1.2.3', published));
    expect(isValid(manifest), JSON.stringify(isValid.errors)).toBe(true);
    expect(manifest).toMatchObject({
      spec: {
        version: 'v1.2.3',
        platforms: [
          { selector: { matchLabels: { os: 'linux', arch: 'amd64' } }, sha256: '0'.repeat(64) },
          { selector: { matchLabels: { os: 'linux', arch: 'arm64' } }, uri: 'https://example.org/1.tar.gz' },
        ],
      },
    });
  });

  it('has no platform for which no archive was built', () => {
    const manifest: unknown = parse(completeManifest(template, '1.2.3', published.slice(1)));
    expect(isValid(manifest), JSON.stringify(isValid.errors)).toBe(true);
    expect(manifest).toMatchObject({ spec: { platforms: [{ sha256: '1'.repeat(64) }] } });
  });

  it('is refused by these rules as long as it is only the template', () => {
    expect(isValid(parse(template))).toBe(false);
    expect(isValid.errors?.map(({ instancePath }) => instancePath)).toContain('/spec/platforms/0/sha256');
  });
});

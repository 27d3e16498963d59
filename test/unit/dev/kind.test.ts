import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const folder = path.join(import.meta.dirname, '../../../dev/kind');

it('the kind cluster has three media servers', () => {
  const config: unknown = parse(readFileSync(path.join(folder, 'cluster.yaml'), 'utf8'));
  const mediaServer = { role: 'worker', labels: { 'twinreel.io/media-server': 'true' } };
  expect(config).toEqual({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    name: 'twinreel',
    nodes: [{ role: 'control-plane' }, mediaServer, mediaServer, mediaServer],
  });
});

it('kind.sh says what to do where there is neither Docker nor Podman', () => {
  const run = (): string =>
    execFileSync('/bin/bash', [path.join(folder, 'kind.sh'), 'up'], {
      env: { PATH: folder },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  expect(run).toThrow(/install and start Docker or Podman/);
});

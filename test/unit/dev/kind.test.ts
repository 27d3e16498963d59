import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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

it('the image is built of files that are there, and with the Node that is pinned', () => {
  const lines = readFileSync(path.join(folder, 'Containerfile'), 'utf8').split('\n');
  const root = path.join(folder, '../..');
  const copied = lines.flatMap((line) => /^COPY (?!--from)(.+) \S+$/.exec(line)?.[1]?.split(' ') ?? []);
  expect(copied).toContain('src');
  expect(copied.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const bases = lines.flatMap((line) => /^FROM node:([\d.]+)-/.exec(line)?.[1] ?? []);
  expect(bases).toEqual([devDependencies['node'], devDependencies['node']]);
});

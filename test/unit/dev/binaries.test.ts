import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BinariesNotFoundError,
  type BinarySource,
  cacheFolder,
  findBinaries,
} from '../../../dev/controlplane/binaries.ts';
import { type BinaryName, binaryNames } from '../../../dev/controlplane/release.ts';

let root: string;
let lines: string[];
const log = (line: string): void => void lines.push(line);

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'twinreel-binaries-'));
  lines = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(folder: string, names: readonly BinaryName[]): void {
  mkdirSync(folder, { recursive: true });
  for (const name of names) writeFileSync(path.join(folder, name), '#!/bin/sh\n', { mode: 0o755 });
}

function source(name: string, names: readonly BinaryName[], calls: string[] = []): BinarySource {
  return {
    name,
    fill: async (folder) => {
      calls.push(name);
      put(folder, names);
    },
  };
}

describe('findBinaries', () => {
  it('takes KUBEBUILDER_ASSETS when it holds all', async () => {
    const assets = path.join(root, 'assets');
    put(assets, binaryNames);
    const found = await findBinaries({ log, env: { KUBEBUILDER_ASSETS: assets, XDG_CACHE_HOME: root }, sources: [] });
    expect(found.kubectl).toBe(path.join(assets, 'kubectl'));
  });

  it('says what KUBEBUILDER_ASSETS lacks and goes on to the next source', async () => {
    const assets = path.join(root, 'assets');
    put(assets, ['etcd', 'kube-apiserver', 'kubectl']);
    const env = { KUBEBUILDER_ASSETS: assets, XDG_CACHE_HOME: root };
    const found = await findBinaries({ log, env, sources: [source('all', binaryNames)] });
    expect(found.etcd).toBe(path.join(cacheFolder(env), 'etcd'));
    expect(lines).toEqual([
      `KUBEBUILDER_ASSETS=${assets} is not used: it lacks kube-controller-manager, kube-scheduler`,
    ]);
  });

  it('fills the cache once', async () => {
    const calls: string[] = [];
    const options = { log, env: { XDG_CACHE_HOME: root }, sources: [source('all', binaryNames, calls)] };
    await findBinaries(options);
    await findBinaries(options);
    expect(calls).toEqual(['all']);
  });

  it('lets one process fill the cache while another waits', async () => {
    const calls: string[] = [];
    const options = { log, env: { XDG_CACHE_HOME: root }, sources: [source('all', binaryNames, calls)] };
    const [first, second] = await Promise.all([findBinaries(options), findBinaries(options)]);
    expect(second).toEqual(first);
    expect(calls).toEqual(['all']);
    expect(lines).toEqual(['another process is getting the control plane binaries; waiting for it']);
  });

  it('goes on to the next source when one fails or gives only some', async () => {
    const env = { XDG_CACHE_HOME: root };
    const failing: BinarySource = { name: 'failing', fill: () => Promise.reject(new Error('no network')) };
    await findBinaries({ log, env, sources: [failing, source('some', ['etcd']), source('all', binaryNames)] });
    expect(lines).toEqual([
      'no binaries by failing: no network',
      'no binaries by some: it gave no kube-apiserver, kube-controller-manager, kube-scheduler, kubectl',
    ]);
  });

  it('says what to do when every source fails, and leaves nothing half-made', async () => {
    const env = { XDG_CACHE_HOME: root };
    const find = findBinaries({ log, env, sources: [source('some', ['etcd'])] });
    await expect(find).rejects.toThrow(BinariesNotFoundError);
    await expect(find).rejects.toThrow(/install Go 1\.26 or newer.*KUBEBUILDER_ASSETS/);
    expect(readdirSync(path.dirname(cacheFolder(env)))).toEqual([]);
  });
});

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadBinaries, type DownloadOptions } from '../../../dev/controlplane/binary-download.ts';
import { binaryNames, etcdVersion, kubernetesVersion } from '../../../dev/controlplane/release.ts';

const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
let root: string;
let server: Server;
let files: Map<string, Buffer>;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'twinreel-download-'));
  mkdirSync(path.join(root, 'out'));
  files = publishedFiles(root);
  server = createServer((request, response) => {
    const body = files.get(request.url ?? '');
    if (body === undefined) response.writeHead(404).end();
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true, force: true });
});

function publishedFiles(folder: string): Map<string, Buffer> {
  const published = new Map<string, Buffer>();
  const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
  for (const name of binaryNames) {
    if (name === 'etcd') continue;
    const body = Buffer.from(`this is ${name}`);
    published.set(`/kubernetes/${kubernetesVersion}/bin/linux/${arch}/${name}`, body);
    published.set(`/kubernetes/${kubernetesVersion}/bin/linux/${arch}/${name}.sha256`, Buffer.from(sha256(body)));
  }
  const inside = `etcd-${etcdVersion}-linux-${arch}`;
  mkdirSync(path.join(folder, inside));
  writeFileSync(path.join(folder, inside, 'etcd'), 'this is etcd', { mode: 0o755 });
  execFileSync('tar', ['-czf', path.join(folder, 'etcd.tar.gz'), '-C', folder, inside]);
  const archive = readFileSync(path.join(folder, 'etcd.tar.gz'));
  published.set(`/etcd/${etcdVersion}/${inside}.tar.gz`, archive);
  const list = `${'0'.repeat(64)}  other.tar.gz\n${sha256(archive)}  ${inside}.tar.gz\n`;
  published.set(`/etcd/${etcdVersion}/SHA256SUMS`, Buffer.from(list));
  return published;
}

function options(): DownloadOptions {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no TCP port');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    folder: path.join(root, 'out'),
    log: () => undefined,
    signal: undefined,
    kubernetesUrl: `${url}/kubernetes`,
    etcdUrl: `${url}/etcd`,
  };
}

describe('downloadBinaries', () => {
  it('fetches every executable', async () => {
    await downloadBinaries(options());
    for (const name of binaryNames) {
      const file = path.join(root, 'out', name);
      expect(readFileSync(file, 'utf8')).toBe(`this is ${name}`);
      expect(statSync(file).mode & 0o111).toBe(0o111);
    }
  });

  it('refuses a file whose digest differs from the published one', async () => {
    files.set(`/kubernetes/${kubernetesVersion}/bin/linux/${arch}/kubectl`, Buffer.from('something else'));
    await expect(downloadBinaries(options())).rejects.toThrow(/kubectl has SHA-256 .* published is/);
  });

  it('says which address does not answer as it should', async () => {
    files.delete(`/etcd/${etcdVersion}/SHA256SUMS`);
    await expect(downloadBinaries(options())).rejects.toThrow(/SHA256SUMS: answered 404/);
  });

  it('gives up on a server that accepts and says nothing', async () => {
    server.removeAllListeners('request');
    await expect(downloadBinaries({ ...options(), answerMs: 50 })).rejects.toThrow(/no answer in time/);
  });
});

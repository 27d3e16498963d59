import { createHash } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { etcdVersion, kubernetesVersion } from './release.ts';

export interface DownloadOptions {
  readonly folder: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal | undefined;
  /** Where Kubernetes publishes its releases. */
  readonly kubernetesUrl?: string;
  /** Where etcd publishes its releases. */
  readonly etcdUrl?: string;
  /** How long a server may take to answer at all. */
  readonly answerMs?: number;
}

const fromKubernetes = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'] as const;

/**
 * Fetches the executables that the two projects publish and compares each with the published SHA-256. The archives
 * for envtest are no use here: they hold neither controller manager nor scheduler.
 * @throws Error when a server does not answer in time, or a digest differs
 */
export async function downloadBinaries(options: DownloadOptions): Promise<void> {
  const kubernetes = `${options.kubernetesUrl ?? 'https://dl.k8s.io/release'}/${kubernetesVersion}/bin/linux/${arch()}`;
  const etcd = `${options.etcdUrl ?? 'https://github.com/etcd-io/etcd/releases/download'}/${etcdVersion}`;
  const archive = `etcd-${etcdVersion}-linux-${arch()}.tar.gz`;
  // All digests first: they are small, and without the internet the first one says so at once.
  const digests = new Map<string, string>();
  for (const name of fromKubernetes)
    digests.set(name, parseDigest(await fetchText(`${kubernetes}/${name}.sha256`, options)));
  digests.set(archive, parseDigestList(await fetchText(`${etcd}/SHA256SUMS`, options), archive));

  for (const name of fromKubernetes) await fetchFile(`${kubernetes}/${name}`, name, digests, options);
  await fetchFile(`${etcd}/${archive}`, archive, digests, options);
  const file = path.join(options.folder, archive);
  const member = `etcd-${etcdVersion}-linux-${arch()}/etcd`;
  await promisify(execFile)('tar', ['-xzf', file, '-C', options.folder, '--strip-components=1', member]);
  rmSync(file);
}

async function fetchFile(
  url: string,
  name: string,
  digests: ReadonlyMap<string, string>,
  options: DownloadOptions,
): Promise<void> {
  options.log(`downloading ${url}`);
  const body = await request(url, options);
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      hash.update(chunk);
      callback(null, chunk);
    },
  });
  const file = path.join(options.folder, name);
  await pipeline(body, hashing, createWriteStream(file, { mode: 0o755 }), { signal: options.signal });
  const seen = hash.digest('hex');
  if (seen !== digests.get(name))
    throw new Error(`${url} has SHA-256 ${seen}, published is ${digests.get(name) ?? 'none'}`);
}

async function fetchText(url: string, options: DownloadOptions): Promise<string> {
  return text(await request(url, options));
}

async function request(url: string, options: DownloadOptions): Promise<Readable> {
  const answer = new AbortController();
  const timer = setTimeout(() => answer.abort(), options.answerMs ?? 4000);
  try {
    const response = await fetch(url, {
      signal: options.signal === undefined ? answer.signal : AbortSignal.any([answer.signal, options.signal]),
    });
    if (!response.ok || response.body === null) throw new Error(`answered ${response.status}`);
    return Readable.fromWeb(response.body);
  } catch (error) {
    options.signal?.throwIfAborted();
    const reason = answer.signal.aborted ? 'no answer in time' : describe(error);
    throw new Error(`${url}: ${reason}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function parseDigest(published: string): string {
  const digest = /^[0-9a-f]{64}\b/.exec(published)?.[0];
  if (digest === undefined) throw new Error('a published digest is not a SHA-256');
  return digest;
}

function parseDigestList(published: string, name: string): string {
  const line = published.split('\n').find((candidate) => candidate.trim().endsWith(` ${name}`));
  if (line === undefined) throw new Error(`no digest is published for ${name}`);
  return parseDigest(line);
}

/** fetch() says "fetch failed" and keeps the reason in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || String(error.cause) : error.message;
}

function arch(): 'amd64' | 'arm64' {
  return process.arch === 'arm64' ? 'arm64' : 'amd64';
}

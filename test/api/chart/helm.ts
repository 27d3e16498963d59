/** Real helm and the chart, as a user has them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { goTool } from '../../../dev/tools/go-tools.ts';

export const chart = path.join(import.meta.dirname, '../../../charts/twinreel');
export const valuesFile = (name: string): string => path.join(import.meta.dirname, 'values', `${name}.yaml`);

export interface Helm {
  /** What it printed; throws with its message when it fails. */
  run(...args: readonly string[]): Promise<string>;
  close(): void;
}

/** Helm with folders of its own, so that neither a user's settings nor plug-ins change what is tested. */
export const makeHelm = async (kubeconfig?: string): Promise<Helm> => {
  const program = await goTool('helm');
  const home = mkdtempSync(path.join(tmpdir(), 'twinreel-helm-'));
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
    KUBECONFIG: kubeconfig ?? path.join(home, 'none'),
  };
  return {
    run: async (...args) => (await promisify(execFile)(program, args, { env, maxBuffer: 1 << 26 })).stdout,
    close: () => rmSync(home, { recursive: true, force: true }),
  };
};

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [more: string]: unknown;
}

const isManifest = (value: unknown): value is Manifest =>
  typeof value === 'object' && value !== null && 'kind' in value && 'metadata' in value;

/** Documents that hold nothing are left out. */
export const readManifests = (text: string): readonly Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as unknown)
    .filter(isManifest);

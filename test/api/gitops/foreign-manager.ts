/** What a GitOps controller does with manifests, and what it looks at afterwards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { OperatorSite } from '../operator/operator-harness.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: object;
}

export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Readonly<Record<string, object>>;
}

export interface Live extends Manifest {
  readonly metadata: Manifest['metadata'] & {
    readonly generation: number;
    readonly resourceVersion: string;
    readonly managedFields?: readonly ManagedFields[];
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: { readonly observedGeneration?: number; readonly reason?: string };
}

const samples = join(import.meta.dirname, '../../../config/samples');

export const readManifests = (text: string): readonly Manifest[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Manifest);

/** Every sample of the repository; what kustomize reads is none. */
export const readSamples = (): readonly Manifest[] =>
  readdirSync(samples)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => readManifests(readFileSync(join(samples, file), 'utf8')));

export const nameOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;

const list = (manifests: readonly Manifest[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });

export class ForeignManager {
  readonly #site: OperatorSite;
  readonly #name: string;

  constructor(site: OperatorSite, name: string) {
    this.#site = site;
    this.#name = name;
  }

  /** Never by force: a conflict is an error. */
  async apply(manifests: readonly Manifest[]): Promise<readonly Live[]> {
    const args = [
      'apply',
      '--server-side',
      '--field-manager',
      this.#name,
      '--show-managed-fields',
      '-o',
      'json',
      '-f',
      '-',
    ];
    return itemsOf(await this.#run(args, list(manifests)));
  }

  async read(manifests: readonly Manifest[]): Promise<readonly Live[]> {
    return itemsOf(await this.#run(['get', '--show-managed-fields', '-o', 'json', '-f', '-'], list(manifests)));
  }

  /** Empty where nothing drifts. */
  async diff(manifests: readonly Manifest[], ...args: readonly string[]): Promise<string> {
    const told = await this.#site.kubectl(['diff', ...args, '-f', '-'], list(manifests));
    if (told.code > 1 || (told.code === 1 && told.stdout === '')) throw new Error(`kubectl diff: ${told.stderr}`);
    return told.stdout;
  }

  diffAsOwner(manifests: readonly Manifest[]): Promise<string> {
    return this.diff(manifests, '--server-side', '--field-manager', this.#name);
  }

  async #run(args: readonly string[], input: string): Promise<string> {
    const { code, stdout, stderr } = await this.#site.kubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}

const itemsOf = (text: string): readonly Live[] => {
  const told = JSON.parse(text) as Live | { readonly items: readonly Live[] };
  return 'items' in told ? told.items : [told];
};

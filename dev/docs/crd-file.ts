import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readCrds, type Crd } from '../generate/schema.ts';

/** A kind with what the page tells besides its schema. */
export interface CrdFile extends Crd {
  readonly scope: 'Namespaced' | 'Cluster';
  readonly shortNames: readonly string[];
  readonly columns: readonly { readonly name: string; readonly description?: string; readonly priority?: number }[];
}

interface Manifest {
  readonly spec: {
    readonly scope: CrdFile['scope'];
    readonly names: { readonly kind: string; readonly shortNames?: readonly string[] };
    readonly versions: readonly { readonly additionalPrinterColumns?: CrdFile['columns'] }[];
  };
}

/** By kind. */
export const readCrdFiles = (folder: string): readonly CrdFile[] => {
  const manifests = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => parse(readFileSync(join(folder, file), 'utf8')) as Manifest);
  return readCrds(folder).map((crd) => {
    const spec = manifests.find((manifest) => manifest.spec.names.kind === crd.kind)?.spec;
    if (spec === undefined) throw new Error(`${folder} has no manifest of ${crd.kind}`);
    const columns = spec.versions[0]?.additionalPrinterColumns ?? [];
    return { ...crd, scope: spec.scope, shortNames: spec.names.shortNames ?? [], columns };
  });
};

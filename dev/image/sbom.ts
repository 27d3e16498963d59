import type { Revision } from './revision.ts';

export interface Material {
  readonly kind: 'npm' | 'deb' | 'generic';
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, or NOASSERTION: the licence file in the image says more. */
  readonly license: string;
}

/** The bill of materials: SPDX 2.3, the same for the same image. Pure. */
export const renderSbom = (version: string, revision: Revision, materials: readonly Material[]): string => {
  const created = new Date(revision.epochSeconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  const product: Material = { kind: 'generic', name: 'twinreel', version, license: 'Apache-2.0' };
  const packages = [product, ...materials].map((material, index) => ({ id: `SPDXRef-${index}`, ...material }));
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `twinreel-${version}`,
    documentNamespace: `https://twinreel.io/sbom/${version}/${revision.name}`,
    creationInfo: { created, creators: ['Tool: twinreel-image'] },
    packages: packages.map(({ id, kind, name, version: its, license }) => ({
      SPDXID: id,
      name,
      versionInfo: its,
      downloadLocation: 'NOASSERTION',
      licenseDeclared: license,
      licenseConcluded: 'NOASSERTION',
      filesAnalyzed: false,
      externalRefs: [
        { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purlOf(kind, name, its) },
      ],
    })),
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-0' },
      ...packages.slice(1).map(({ id }) => ({
        spdxElementId: 'SPDXRef-0',
        relationshipType: 'CONTAINS',
        relatedSpdxElement: id,
      })),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
};

const purlOf = (kind: Material['kind'], name: string, version: string): string =>
  `pkg:${kind}/${kind === 'deb' ? 'debian/' : ''}${name.replace('@', '%40')}@${encodeURIComponent(version)}`;

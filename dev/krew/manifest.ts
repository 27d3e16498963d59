/** The plugin's manifest with what is known only when its archives are made. */
import { type Document, parseDocument, isMap, isSeq } from 'yaml';
import type { Platform } from '../image/platform.ts';

export interface Published {
  readonly platform: Platform;
  readonly uri: string;
  readonly sha256: string;
}

/** Of platforms that were not built nothing is left. Pure. @param template  dev/krew/twinreel.yaml */
export const completeManifest = (template: string, version: string, published: readonly Published[]): string => {
  const manifest = parseDocument(template);
  manifest.commentBefore = null;
  manifest.setIn(['spec', 'version'], `v${version}`);
  const platforms = manifest.getIn(['spec', 'platforms']);
  if (!isSeq(platforms)) throw new TypeError('the template has no platforms');
  platforms.items = platforms.items.filter((item, index) => complete(manifest, index, published));
  return manifest.toString({ lineWidth: 120 });
};

const complete = (manifest: Document, index: number, published: readonly Published[]): boolean => {
  const at = ['spec', 'platforms', index];
  if (!isMap(manifest.getIn(at))) return false;
  const architecture = manifest.getIn([...at, 'selector', 'matchLabels', 'arch']);
  const found = published.find(({ platform }) => platform.architecture === architecture);
  if (found === undefined) return false;
  manifest.setIn([...at, 'uri'], found.uri);
  manifest.setIn([...at, 'sha256'], found.sha256);
  return true;
};

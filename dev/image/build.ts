import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { placeAccounts } from './accounts.ts';
import { type BuiltImage, writeArchive } from './archive.ts';
import { buildWithEngine } from './with-engine.ts';
import { parseContainerfile } from './containerfile.ts';
import { placeDebianFiles } from './debian-files.ts';
import { nodePin, placeNode } from './node-program.ts';
import { placePackages } from './npm-packages.ts';
import type { Platform } from './platform.ts';
import { observeRevision, type Revision } from './revision.ts';
import { type Material, renderSbom } from './sbom.ts';

export interface BuildRequest {
  readonly checkout: string;
  readonly out: string;
  readonly tag: string;
  readonly platform: Platform;
  readonly base: string | undefined;
  readonly sbom: string | undefined;
  readonly log: (line: string) => void;
}

const containerfile = path.join(import.meta.dirname, 'Containerfile');

/**
 * Builds the image and writes its archive.
 * @returns undefined when an engine built it on the base named
 * @throws ImageError
 */
export const buildImage = async (request: BuildRequest): Promise<BuiltImage | undefined> => {
  const revision = await observeRevision(request.checkout, process.env);
  const work = mkdtempSync(path.join(tmpdir(), 'twinreel-image-'));
  try {
    const stage = path.join(work, 'stage');
    await fillStage(request, revision, stage, work);
    const { tag, out, platform, base } = request;
    const labels = labelsOf(request.checkout, revision);
    if (base !== undefined) {
      await buildWithEngine({ base, tag, out, platform, labels, stage, containerfile, log: request.log });
      return undefined;
    }
    const description = {
      containerfile: parseContainerfile(readFileSync(containerfile, 'utf8')),
      platform,
      labels,
      tag,
      epochSeconds: revision.epochSeconds,
    };
    return await writeArchive(description, stage, work, out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

const fillStage = async (request: BuildRequest, revision: Revision, stage: string, work: string): Promise<void> => {
  const { checkout, platform, log } = request;
  const runtime = path.join(stage, 'runtime');
  const materials: Material[] = [{ kind: 'generic', name: 'node', version: nodePin.version, license: 'MIT' }];
  // A base brings its own.
  if (request.base === undefined) {
    const debian = path.join(work, 'debian');
    mkdirSync(debian);
    materials.push(...(await placeDebianFiles(platform, runtime, debian)));
    placeAccounts(runtime);
  }
  log(`Node ${nodePin.version} for ${platform.name}`);
  await placeNode(platform, runtime, work);
  log('npm packages');
  materials.push(...(await placePackages(platform, checkout, path.join(stage, 'packages'), work)));
  placeApp(checkout, path.join(stage, 'app/app'));
  const sbom = path.join(stage, 'app/app/sbom.spdx.json');
  writeFileSync(sbom, renderSbom(versionOf(checkout), revision, materials));
  if (request.sbom !== undefined) copyFileSync(sbom, request.sbom);
};

const placeApp = (checkout: string, app: string): void => {
  mkdirSync(app, { recursive: true });
  for (const name of ['package.json', 'LICENSE', 'crds', 'src']) {
    cpSync(path.join(checkout, name), path.join(app, name), { recursive: true });
  }
};

const versionOf = (checkout: string): string => {
  const about: unknown = JSON.parse(readFileSync(path.join(checkout, 'package.json'), 'utf8'));
  return typeof about === 'object' && about !== null && 'version' in about ? String(about.version) : '';
};

const labelsOf = (checkout: string, revision: Revision): Readonly<Record<string, string>> => ({
  'org.opencontainers.image.title': 'twinreel',
  'org.opencontainers.image.description': 'Redundant tape backups: operator, worker and node agent',
  'org.opencontainers.image.licenses': 'Apache-2.0',
  'org.opencontainers.image.version': versionOf(checkout),
  'org.opencontainers.image.revision': revision.name,
  'org.opencontainers.image.created': new Date(revision.epochSeconds * 1000).toISOString(),
});

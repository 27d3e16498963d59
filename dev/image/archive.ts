import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Containerfile } from './containerfile.ts';
import { settleModes, sha256Of, writeTar } from './layer.ts';
import type { Platform } from './platform.ts';

export interface ImageDescription {
  readonly containerfile: Containerfile;
  readonly platform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  readonly tag: string;
  readonly epochSeconds: number;
}

export interface BuiltImage {
  /** Digest of the configuration: what engines call the image's id. */
  readonly id: string;
  readonly layers: readonly { readonly folder: string; readonly digest: string; readonly bytes: number }[];
}

/**
 * Writes the archive that `docker load` and `ctr images import` take: the layers, the configuration, manifest.json.
 * @param stage has the folders that the Containerfile copies
 */
export const writeArchive = async (
  image: ImageDescription,
  stage: string,
  work: string,
  out: string,
): Promise<BuiltImage> => {
  const content = path.join(work, 'archive');
  mkdirSync(content, { recursive: true });
  const layers = [];
  for (const folder of image.containerfile.folders) {
    const tar = path.join(content, `${folder}.tar`);
    settleModes(path.join(stage, folder));
    await writeTar(path.join(stage, folder), tar, image.epochSeconds);
    const digest = await sha256Of(tar);
    renameSync(tar, path.join(content, `${digest}.tar`));
    layers.push({ folder, digest, bytes: statSync(path.join(content, `${digest}.tar`)).size });
  }
  const config = JSON.stringify(
    configOf(
      image,
      layers.map(({ digest }) => digest),
    ),
  );
  const id = createHash('sha256').update(config).digest('hex');
  writeFileSync(path.join(content, `${id}.json`), config);
  const manifest = [
    { Config: `${id}.json`, RepoTags: [image.tag], Layers: layers.map(({ digest }) => `${digest}.tar`) },
  ];
  writeFileSync(path.join(content, 'manifest.json'), JSON.stringify(manifest));
  settleModes(content);
  await writeTar(content, out, image.epochSeconds);
  return { id, layers };
};

/** The OCI image configuration. */
const configOf = (image: ImageDescription, digests: readonly string[]): object => {
  const created = new Date(image.epochSeconds * 1000).toISOString();
  const { containerfile } = image;
  return {
    created,
    architecture: image.platform.architecture,
    os: 'linux',
    config: {
      User: containerfile.user,
      Env: containerfile.env,
      Entrypoint: containerfile.entrypoint,
      Cmd: containerfile.command,
      WorkingDir: containerfile.workdir,
      Labels: image.labels,
    },
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: containerfile.folders.map((folder) => ({ created, created_by: `COPY ${folder} /` })),
  };
};

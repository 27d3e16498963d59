/** An image as a docker archive, made without a registry or a builder: one layer with one static program. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface ProgramImage {
  readonly tag: string;
  /** A static executable of this machine; at the root of the image under `name`. */
  readonly program: string;
  readonly name: string;
}

export function writeProgramImage(image: ProgramImage, archive: string): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'program-image-'));
  try {
    mkdirSync(path.join(folder, 'root'));
    copyFileSync(image.program, path.join(folder, 'root', image.name));
    tar(path.join(folder, 'layer.tar'), path.join(folder, 'root'), [image.name]);
    const digest = createHash('sha256')
      .update(readFileSync(path.join(folder, 'layer.tar')))
      .digest('hex');
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: [`/${image.name}`], User: '65535:65535' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    };
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [image.tag], Layers: ['layer.tar'] }];
    writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
    tar(archive, folder, ['manifest.json', 'config.json', 'layer.tar']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tar(file: string, folder: string, names: readonly string[]): void {
  execFileSync('tar', ['--owner=0', '--group=0', '--mtime=@0', '-C', folder, '-cf', file, ...names]);
}

/** The archive that krew unpacks: the CLI, its packages, and Node, which users of kubectl need not have. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { settleModes, sha256Of, writeTar } from '../image/layer.ts';
import { placeNode } from '../image/node-program.ts';
import { placePackages } from '../image/npm-packages.ts';
import type { Platform } from '../image/platform.ts';
import { observeRevision } from '../image/revision.ts';
import { runTool } from '../image/run-tool.ts';

/** krew makes a link to it, so that it has to look for its own place. */
const launcher = `#!/bin/sh
here=$(dirname -- "$(readlink -f -- "$0")")
exec "$here/node" "$here/app/src/cli/main.ts" "$@"
`;

export interface Archive {
  readonly file: string;
  readonly sha256: string;
}

/** @throws ImageError */
export const writePluginArchive = async (checkout: string, platform: Platform, file: string): Promise<Archive> => {
  const { epochSeconds } = await observeRevision(checkout, process.env);
  const work = mkdtempSync(path.join(tmpdir(), 'twinreel-krew-'));
  try {
    const stage = path.join(work, 'stage');
    const runtime = path.join(work, 'runtime');
    await placeNode(platform, runtime, work);
    await placePackages(platform, checkout, stage, work);
    mkdirSync(path.join(stage, 'app'), { recursive: true });
    for (const name of ['package.json', 'crds', 'src'])
      cpSync(path.join(checkout, name), path.join(stage, 'app', name), { recursive: true });
    renameSync(path.join(runtime, 'usr/local/bin/node'), path.join(stage, 'node'));
    renameSync(path.join(runtime, 'usr/local/share/doc/node/LICENSE'), path.join(stage, 'LICENSE.node'));
    copyFileSync(path.join(checkout, 'LICENSE'), path.join(stage, 'LICENSE'));
    writeFileSync(path.join(stage, 'kubectl-twinreel'), launcher);
    chmodSync(path.join(stage, 'kubectl-twinreel'), 0o755);
    settleModes(stage);
    const tar = path.join(work, 'plugin.tar');
    await writeTar(stage, tar, epochSeconds);
    // Without name and time, the same content is the same archive.
    await runTool('gzip', ['--no-name', tar]);
    copyFileSync(`${tar}.gz`, file);
    return { file, sha256: await sha256Of(file) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/**
 * `npm run set-up`: what the tests need beyond npm packages. Programs from Debian packages (`dev/packages.txt`) and the
 * executables of the control plane, of nodes, and of what clusters are looked after with, cached outside the checkout. Does nothing when all is there; fails when something
 * is missing and can't be had.
 */
import { findNodeBinaries } from '../cluster/binaries.ts';
import { findBinaries } from '../controlplane/binaries.ts';
import { goTool } from '../tools/go-tools.ts';
import { findSnapshotController } from '../tools/snapshot-controller.ts';
import { installPackages } from './debian-packages.ts';

const log = (line: string): void => console.log(line);

const attempt = async (what: string, act: () => Promise<void>): Promise<boolean> => {
  try {
    await act();
    return true;
  } catch (error) {
    console.error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
};

const done = [
  await attempt('Debian packages', async () => installPackages(log)),
  await attempt('control plane', async () => {
    await findBinaries({ log });
  }),
  await attempt('kubelet and containerd', async () => {
    await findNodeBinaries(log);
  }),
  await attempt('helm, promtool and krew', async () => {
    for (const tool of ['helm', 'promtool', 'krew', 'validate-krew-manifest'] as const) await goTool(tool, { log });
  }),
  await attempt('snapshot controller', async () => {
    await findSnapshotController(log);
  }),
];
if (done.includes(false)) process.exitCode = 1;

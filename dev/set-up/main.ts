/**
 * `npm run set-up`: what the tests need beyond npm packages. Programs from Debian packages (`dev/packages.txt`) and the
 * executables of the control plane, cached outside the checkout. Does nothing when all is there; fails when something
 * is missing and can't be had.
 */
import { findBinaries } from '../controlplane/binaries.ts';
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
];
if (done.includes(false)) process.exitCode = 1;

import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ImageError } from './image-error.ts';
import type { Platform } from './platform.ts';
import { runTool } from './run-tool.ts';

/** What npm's registry says of `node-linux-*`; package-lock.json only names the package that fetches them. */
export const nodePin = {
  version: '24.21.0',
  integrity: {
    'linux/amd64': 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    'linux/arm64': 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
} as const;

/** Puts Node and its licence beneath a folder, as small as it gets while N-API still finds its symbols. */
export const placeNode = async (platform: Platform, root: string, work: string): Promise<void> => {
  const name = `node-linux-${platform.cpu}-${nodePin.version}.tgz`;
  const packed = path.join(cacheFolder(), name);
  if (!existsSync(packed)) await fetchNode(platform, packed);
  checkPin(packed, nodePin.integrity[platform.name]);
  const unpacked = path.join(work, 'node');
  mkdirSync(unpacked, { recursive: true });
  await runTool('tar', ['-xzf', packed, '-C', unpacked, '--strip-components=1']);
  const program = path.join(root, 'usr/local/bin/node');
  mkdirSync(path.dirname(program), { recursive: true });
  const strip = `${platform.triplet}-strip`;
  await runTool(strip, ['-o', program, path.join(unpacked, 'bin/node')], {
    hint: `apt-get install ${platform.binutils}`,
  });
  chmodSync(program, 0o755);
  const doc = path.join(root, 'usr/local/share/doc/node');
  mkdirSync(doc, { recursive: true });
  cpSync(path.join(unpacked, 'LICENSE'), path.join(doc, 'LICENSE'));
};

const fetchNode = async (platform: Platform, packed: string): Promise<void> => {
  const folder = `${packed}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    const name = `node-linux-${platform.cpu}@${nodePin.version}`;
    await runTool('npm', ['pack', '--silent', '--prefer-offline', '--pack-destination', folder, name]);
    renameSync(path.join(folder, path.basename(packed)), packed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const checkPin = (packed: string, integrity: string): void => {
  const found = `sha512-${createHash('sha512').update(readFileSync(packed)).digest('base64')}`;
  if (found === integrity) return;
  rmSync(packed);
  throw new ImageError(`${path.basename(packed)} is not what dev/image/node-program.ts pins: it was ${found}`);
};

const cacheFolder = (): string => {
  const folder = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'twinreel', 'image');
  mkdirSync(folder, { recursive: true });
  return folder;
};

/** What this machine is: read from the kernel and from files, written nowhere. */
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname, networkInterfaces, release, totalmem } from 'node:os';

export interface Machine {
  /** Equal for all agents on one machine. */
  readonly machineID: string;
  /** New after every boot: a changed one proves that no process of before is alive. */
  readonly bootID: string;
  readonly hostname: string;
  readonly address: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly architecture: string;
}

const readFirst = (paths: readonly string[]): string => {
  for (const path of paths) {
    try {
      const text = readFileSync(path, 'utf8').trim();
      if (text !== '') return text;
    } catch {
      continue;
    }
  }
  return '';
};

export const readBootID = (): string => readFirst(['/proc/sys/kernel/random/boot_id']);

const ownAddress = (): string => {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outer = all.find((address) => address.family === 'IPv4' && !address.internal);
  return outer?.address ?? '127.0.0.1';
};

const osImage = (): string =>
  /^PRETTY_NAME="?([^"\n]*)/m.exec(readFirst(['/etc/os-release', '/usr/lib/os-release']))?.[1] ?? 'Linux';

const goArchitectures: Readonly<Partial<Record<NodeJS.Architecture, string>>> = { x64: 'amd64', ia32: '386' };

export const readMachine = (): Machine => ({
  machineID: readFirst(['/etc/machine-id', '/var/lib/dbus/machine-id']) || hostname(),
  bootID: readBootID(),
  hostname: hostname(),
  address: ownAddress(),
  cpus: availableParallelism(),
  memoryBytes: totalmem(),
  kernelVersion: release(),
  osImage: osImage(),
  architecture: goArchitectures[process.arch] ?? process.arch,
});

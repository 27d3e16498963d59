import { readFileSync } from 'node:fs';

/** Empty where the machine, or the image of a container, has none. */
export const readMachineId = (): string => {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
};

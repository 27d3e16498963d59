/** Where things lie in the state folder of a local installation. */
import path from 'node:path';

export interface Layout {
  /** Absolute, without symbolic links. */
  readonly folder: string;
  readonly kubeconfig: string;
  readonly processes: string;
  readonly options: string;
  readonly status: string;
  readonly supervisorLog: string;
  readonly logs: string;
  readonly operatorKubeconfig: string;
  /** For the user's PATH: kubectl of the right version. */
  readonly executables: string;
  readonly libraries: string;
}

export function layoutOf(folder: string): Layout {
  const at = (...names: readonly string[]): string => path.join(folder, ...names);
  return {
    folder,
    kubeconfig: at('kubeconfig'),
    processes: at('processes.json'),
    options: at('options.json'),
    status: at('status.json'),
    supervisorLog: at('logs', 'supervisor.log'),
    logs: at('logs'),
    executables: at('bin'),
    operatorKubeconfig: at('operator', 'kubeconfig'),
    libraries: at('libraries'),
  };
}

export const serverName = (number: number): string => `server-${number}`;
export const libraryName = (number: number): string => `library-${number}`;
export const switchName = (number: number): string => `switch-${number}`;

export function libraryFolder(layout: Layout, number: number): string {
  return path.join(layout.libraries, libraryName(number));
}

/** State of one node agent; its worker processes bear this path in their environment. */
export function agentFolder(layout: Layout, number: number): string {
  return path.join(layout.folder, 'agents', serverName(number));
}

export function catalogueFolder(layout: Layout, number: number): string {
  return path.join(layout.folder, 'catalogues', serverName(number));
}

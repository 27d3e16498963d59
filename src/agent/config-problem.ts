/** What keeps a container from being started for now: it waits with this reason and is tried again. */
export class ConfigProblem extends Error {
  readonly code = 'CreateContainerConfigError';
}

export const isConfigProblem = (error: unknown): error is ConfigProblem => error instanceof ConfigProblem;

/** Servers and libraries that somebody has deleted although grants hold them: nothing can be begun there. Pure. */
import type { Grant } from '../grant/grant.ts';
import type { Fault } from '../step.ts';

interface Existing {
  readonly servers: { readonly get: (name: string) => object | undefined };
  readonly libraries: { readonly get: (name: string) => object | undefined };
}

/** @returns undefined while both are there; the library first: without it no other server helps */
export const goneHardware = (grant: Grant, { servers, libraries }: Existing): Fault | undefined => {
  const { server = '', library = '' } = grant;
  if (libraries.get(library) === undefined) return missing('LibraryMissing', `TapeLibrary ${library}`, 'changer');
  return servers.get(server) === undefined ? missing('ServerMissing', `BackupServer ${server}`, 'server') : undefined;
};

const missing = (reason: string, what: string, domain: Fault['domain']): Fault => ({
  ...{ reason, domain, lostBytes: 0 },
  message: `${what} does not exist any more`,
});

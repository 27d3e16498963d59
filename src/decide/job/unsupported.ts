/** What the schema admits and this version does not do yet: refused at once, never silently left out. */
import type { BackupJob } from '../../api/generated/index.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

export const unsupportedIn = ({ spec }: BackupJob): Refusal | undefined => {
  const refuse = (field: string, instead: string): Refusal => ({
    reason: 'NotSupported',
    message: `${field} is not supported by this version: ${instead}`,
  });
  const { source } = spec;
  if (source.command !== undefined) return refuse('spec.source.command', 'write its output into a folder first');
  if (spec.encryption !== undefined) return refuse('spec.encryption', 'use the encryption of the drive');
  if (spec.verify === 'ReadBack')
    return refuse(
      'spec.verify',
      'read it back when it is done: kubectl twinreel verify, or a Restore whose target is discard',
    );
  if (spec.streams !== undefined && spec.streams.length > 0)
    return refuse('spec.streams', 'set spec.mediaPool for the whole job');
  return undefined;
};

/**
 * The library of a tape: where an inventory saw it last. What its spec says counts only until then. A spec is its
 * owner's, who may keep it in Git: a cartridge that was carried elsewhere must not set off a tug-of-war over it. Pure.
 */
import type { Tape } from '../../api/generated/index.ts';

export const libraryOf = ({ spec, status }: Pick<Tape, 'spec' | 'status'>): string | undefined =>
  status?.library ?? spec.library;

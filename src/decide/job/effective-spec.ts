/** The job's spec with every default that depends on another field filled in. */
import type { BackupJob } from '../../api/generated/index.ts';
import type { Disjointness } from '../allocation/allocate.ts';
import type { HookSpec } from './hooks.ts';
import { parseDurationMs, parseQuantity } from '../units.ts';

export interface EffectiveSpec {
  readonly routes: number;
  readonly copies: number;
  readonly activeRoutes: number;
  readonly minRoutes: number;
  readonly minCopies: number;
  readonly maxReplacements: number;
  readonly disjointness: Disjointness;
  readonly whenUnavailable: 'Fail' | 'Wait';
  readonly mediaPool: string;
  readonly priority: number;
  readonly stallMs: number;
  readonly allocationDeadlineMs: number | undefined;
  readonly activeDeadlineMs: number | undefined;
  readonly segmentBytes: number | undefined;
  readonly hooks: { readonly before: readonly HookSpec[]; readonly after: readonly HookSpec[] };
}

const optionalMs = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDurationMs(text);

export const effectiveSpec = ({ spec }: BackupJob): EffectiveSpec => {
  const routes = spec.routes ?? 2;
  const copies = spec.copies ?? routes;
  return {
    routes,
    copies,
    activeRoutes: spec.activeRoutes ?? copies,
    minRoutes: spec.minRoutes ?? routes,
    minCopies: spec.minCopies ?? 1,
    maxReplacements: spec.maxReplacements ?? 4,
    disjointness: {
      server: spec.disjointness?.server ?? 'Required',
      library: spec.disjointness?.library ?? 'Preferred',
      switch: spec.disjointness?.switch ?? 'Preferred',
    },
    whenUnavailable: spec.whenUnavailable ?? 'Wait',
    mediaPool: spec.mediaPool ?? 'default',
    priority: spec.priority ?? 0,
    stallMs: optionalMs(spec.stallTimeout) ?? 60_000,
    allocationDeadlineMs: optionalMs(spec.allocationDeadline),
    activeDeadlineMs: optionalMs(spec.activeDeadline),
    hooks: { before: spec.hooks?.before ?? [], after: spec.hooks?.after ?? [] },
    segmentBytes: spec.segmentSize === undefined ? undefined : parseQuantity(spec.segmentSize),
  };
};

/** What the command line asks for; folders are absolute. */
import type { NewLibrary } from './make-library.ts';

/** How to reach the API server, and which namespace is meant. */
export interface Reach {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly operatorNamespace?: string;
  readonly allNamespaces: boolean;
}

export type ObjectFormat = 'json' | 'yaml';
export type TableFormat = ObjectFormat | 'wide';
export type HardwareKind = 'tapes' | 'drives' | 'servers';

export interface BackupFlags {
  readonly path?: string;
  readonly shared: boolean;
  /** NAME or NAME:FOLDER */
  readonly claim?: string;
  readonly fromSchedule?: string;
  readonly name?: string;
  readonly routes?: number;
  readonly copies?: number;
  readonly segmentSize?: string;
  readonly pool?: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly keepFor?: string;
  readonly noQueue: boolean;
}

export const conflicts = ['Fail', 'Skip', 'Overwrite', 'KeepNewer'] as const;
export type Conflict = (typeof conflicts)[number];

export interface RestoreFlags {
  readonly from?: string;
  readonly latest?: string;
  readonly record?: string;
  readonly paths: readonly string[];
  /** An absolute folder, or claim:NAME or claim:NAME/FOLDER */
  readonly to?: string;
  readonly conflict?: Conflict;
  readonly name?: string;
}

export interface VerifyFlags {
  /** NAME of a BackupJob, or record/NAME. */
  readonly backup: string;
  readonly stream?: number;
  readonly name?: string;
}

/** What one does with an object that was made. */
export interface Making {
  readonly wait: boolean;
  readonly dryRun: boolean;
  readonly output?: ObjectFormat;
}

export interface Listing {
  readonly catalogue: string;
  readonly of:
    { readonly kind: 'folder'; readonly path: string } | { readonly kind: 'pattern'; readonly pattern: string };
  readonly long: boolean;
}

export type ClusterOrder = { readonly reach: Reach } & (
  | { readonly kind: 'status'; readonly job?: string; readonly output?: TableFormat; readonly watch: boolean }
  | { readonly kind: 'describe'; readonly name: string; readonly output?: ObjectFormat }
  | { readonly kind: 'cancel'; readonly name: string; readonly wait: boolean }
  | { readonly kind: 'hardware'; readonly what: HardwareKind; readonly output?: TableFormat }
  | ({ readonly kind: 'backup' } & BackupFlags & Making)
  | ({ readonly kind: 'restore'; readonly list: boolean } & RestoreFlags & Making)
  | ({ readonly kind: 'verify' } & VerifyFlags & Making)
  | { readonly kind: 'drain'; readonly name: string; readonly drained: boolean; readonly wait: boolean }
  | { readonly kind: 'debug'; readonly out: string }
  | {
      readonly kind: 'logs';
      readonly name: string;
      readonly stream?: number;
      readonly tail?: number;
      readonly follow: boolean;
    }
  | { readonly kind: 'list'; readonly backup: string; readonly listing: Listing }
  | { readonly kind: 'version'; readonly output?: ObjectFormat }
);

export type LocalOrder =
  | { readonly kind: 'tapeList'; readonly library: string }
  | { readonly kind: 'tapeExport'; readonly library: string; readonly barcode: string; readonly out: string }
  | { readonly kind: 'tapeEject'; readonly library: string; readonly barcode: string }
  | { readonly kind: 'tapeInsert'; readonly library: string; readonly barcode: string; readonly slot?: number }
  | { readonly kind: 'print'; readonly lines: readonly string[] }
  | { readonly kind: 'libraryCreate'; readonly library: NewLibrary };

export type Order = ClusterOrder | LocalOrder;

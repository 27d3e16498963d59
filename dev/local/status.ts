/** `status.json`: how far the supervisor is, for whoever waits for it. */
import { readFileSync } from 'node:fs';
import { replaceJson } from './json-file.ts';
import type { Layout } from './layout.ts';

export type LocalStatus =
  | { readonly phase: 'starting'; readonly doing: string }
  | { readonly phase: 'ready'; readonly warnings: readonly string[]; readonly metricsUrl: string }
  | { readonly phase: 'failed'; readonly reason: string }
  | { readonly phase: 'stopped' };

export function writeStatus(layout: Layout, status: LocalStatus): void {
  replaceJson(layout.status, status);
}

/** @returns `stopped` when there is none yet */
export function readStatus(layout: Layout): LocalStatus {
  try {
    const value: unknown = JSON.parse(readFileSync(layout.status, 'utf8'));
    return isStatus(value) ? value : { phase: 'stopped' };
  } catch {
    return { phase: 'stopped' };
  }
}

function isStatus(value: unknown): value is LocalStatus {
  if (typeof value !== 'object' || value === null || !('phase' in value)) return false;
  switch (value.phase) {
    case 'starting':
      return 'doing' in value;
    case 'ready':
      return 'warnings' in value && Array.isArray(value.warnings) && 'metricsUrl' in value;
    case 'failed':
      return 'reason' in value;
    case 'stopped':
      return true;
    default:
      return false;
  }
}

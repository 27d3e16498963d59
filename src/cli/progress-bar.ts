import type { Progress } from '../api/generated/index.ts';

/** `[#####.....]  50%`; empty while there is no plan. Pure. */
export const progressBar = (progress: Progress | undefined, width: number): string => {
  const { bytesDone = 0, bytesTotal = 0, segmentsDone = 0, segmentsTotal = 0, percent } = progress ?? {};
  // A source without bytes still has segments; what has succeeded is full, however much of it was skipped or read again.
  const counted = bytesTotal > 0 ? bytesDone / bytesTotal : segmentsTotal > 0 ? segmentsDone / segmentsTotal : 0;
  const share = percent === '100%' ? 1 : counted;
  const filled = Math.floor(Math.min(1, Math.max(0, share)) * width);
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${(percent ?? '-').padStart(4)}`;
};

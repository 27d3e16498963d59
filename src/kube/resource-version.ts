/**
 * Order of two resource versions of one kind, as integers of any length, which Kubernetes guarantees since 1.35
 * (KEP-5504); `undefined` when either is no positive integer, as an aggregated API server may have it.
 */
export const compareResourceVersions = (a: string | undefined, b: string | undefined): number | undefined => {
  if (a === undefined || b === undefined || !integer.test(a) || !integer.test(b)) return undefined;
  if (a.length !== b.length) return a.length < b.length ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

const integer = /^[1-9][0-9]*$/;

/** Kubernetes' MicroTime: RFC 3339 with exactly six decimals. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

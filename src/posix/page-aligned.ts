import koffi from 'koffi';

const PAGE_BYTES = 4096;

/**
 * Memory that begins on a page boundary, as O_DIRECT wants it. Node's own buffers promise no alignment, so a page more
 * is taken and the view begins at the first boundary: mind `byteOffset` when its buffer is handed to another thread.
 */
export function allocatePageAligned(bytes: number, options: { readonly shared?: boolean } = {}): Uint8Array {
  const roomy = bytes + PAGE_BYTES;
  const whole = new Uint8Array(options.shared === true ? new SharedArrayBuffer(roomy) : new ArrayBuffer(roomy));
  const beyondBoundary = Number(koffi.address(whole) % BigInt(PAGE_BYTES));
  const begin = beyondBoundary === 0 ? 0 : PAGE_BYTES - beyondBoundary;
  return whole.subarray(begin, begin + bytes);
}

/** Whether the first byte stands on a page boundary of this process. */
export function isPageAligned(bytes: Uint8Array): boolean {
  return koffi.address(bytes) % BigInt(PAGE_BYTES) === 0n;
}

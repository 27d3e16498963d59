/** The producer's closing words on a payload, in its `end` slot of the ring. */
export type PayloadEnd =
  | {
      readonly kind: 'complete';
      readonly paxBytes: number;
      readonly indexOffset: number;
      readonly entries: number;
      readonly files: number;
      /** When the reader hashes. */
      readonly sha256?: string;
    }
  | { readonly kind: 'incomplete'; readonly reason: string };

export const encodePayloadEnd = (end: PayloadEnd): Buffer => Buffer.from(JSON.stringify(end));

const isPayloadEnd = (value: unknown): value is PayloadEnd =>
  typeof value === 'object' && value !== null && 'kind' in value;

export const decodePayloadEnd = (bytes: Uint8Array): PayloadEnd => {
  const end: unknown = JSON.parse(Buffer.from(bytes).toString());
  if (!isPayloadEnd(end)) throw new TypeError('the reader ended a payload without a word');
  return end;
};

/**
 * The sum of all bytes of a header of 512 bytes at most, four at a time: bytes are summed in pairs, and a pair's sum stays
 * below 2¹⁶.
 */
export const byteSum = (words: Int32Array): number => {
  let pairs = 0;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? 0;
    pairs += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
  }
  return (pairs % 0x10000) + Math.floor(pairs / 0x10000);
};

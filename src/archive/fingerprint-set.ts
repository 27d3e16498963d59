const FIRST_CAPACITY = 1024;

/**
 * A set of numbers of 64 bits that are as good as random, given as two halves: at most 32 bytes each, and no objects
 * for a collector of garbage to follow. 0 stands for a free place: it is never found.
 */
export class FingerprintSet {
  #words = new Uint32Array(2 * FIRST_CAPACITY);
  #count = 0;

  has(low: number, high: number): boolean {
    const at = this.#find(low, high);
    return this.#words[at] === low && this.#words[at + 1] === high && (low !== 0 || high !== 0);
  }

  add(low: number, high: number): void {
    const at = this.#find(low, high);
    if (this.#words[at] === low && this.#words[at + 1] === high) return;
    this.#words[at] = low;
    this.#words[at + 1] = high;
    this.#count += 1;
    if (this.#count * 4 > this.#words.length) this.#grow();
  }

  /** Where it is, or where it would be put: at least half of all places are free. */
  #find(low: number, high: number): number {
    const words = this.#words;
    const mask = words.length - 1;
    for (let at = (low << 1) & mask; ; at = (at + 2) & mask) {
      const [foundLow, foundHigh] = [words[at], words[at + 1]];
      if ((foundLow === low && foundHigh === high) || (foundLow === 0 && foundHigh === 0)) return at;
    }
  }

  #grow(): void {
    const before = this.#words;
    this.#words = new Uint32Array(2 * before.length);
    this.#count = 0;
    for (let at = 0; at < before.length; at += 2) {
      const [low = 0, high = 0] = [before[at], before[at + 1]];
      if (low !== 0 || high !== 0) this.add(low, high);
    }
  }
}

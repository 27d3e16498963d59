import { zstdCompressSync } from 'node:zlib';

/** Raw bytes of one zstd frame of an index, about. */
const FRAME_BYTES = 524_288;

/** How the last line begins: it alone may be longer than a frame. */
export const LAST_LINE = '{"end":true';

export interface IndexHead {
  readonly uid: string;
  readonly segment: number;
  readonly stream: number;
  readonly epoch: number;
}

/** Gathers a segment's index as zstd frames of JSON lines: about 26 bytes an entry stay in memory. */
export class IndexWriter {
  readonly #frames: Buffer[] = [];
  // Written at once: strings kept until a frame is full are what a collector of garbage spends most of its time on.
  #buffer = Buffer.allocUnsafe(FRAME_BYTES + 4096);
  #length = 0;
  lines = 0;

  constructor(head: IndexHead) {
    const { uid, segment, stream, epoch } = head;
    this.#write(`${JSON.stringify({ v: 1, uid, segment, stream, epoch })}\n`);
  }

  add(line: string): void {
    this.#write(`${line}\n`);
    this.lines += 1;
  }

  #write(text: string): void {
    const length = this.#length + text.length;
    if (length > this.#buffer.length) {
      const longer = Buffer.allocUnsafe(length);
      this.#buffer.copy(longer, 0, 0, this.#length);
      this.#buffer = longer;
    }
    this.#buffer.write(text, this.#length, 'latin1');
    this.#length = length;
    if (length >= FRAME_BYTES) this.#flush();
  }

  #flush(): void {
    this.#frames.push(zstdCompressSync(this.#buffer.subarray(0, this.#length)));
    this.#length = 0;
  }

  /** Adds the last line, in as many frames as it needs, and gives the whole index, compressed. */
  finish(frames: readonly (readonly [number, number])[] | undefined): Buffer {
    this.#write(`${LAST_LINE},"lines":${String(this.lines)}`);
    if (frames !== undefined) {
      for (const [at, frame] of frames.entries())
        this.#write(`${at === 0 ? ',"frames":[' : ','}${JSON.stringify(frame)}`);
      this.#write(frames.length === 0 ? ',"frames":[]' : ']');
    }
    this.#write('}\n');
    if (this.#length > 0) this.#flush();
    return Buffer.concat(this.#frames);
  }
}

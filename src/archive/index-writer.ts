import { zstdCompressSync } from 'node:zlib';

/** Raw bytes of one zstd frame of an index, about. */
const FRAME_CHARACTERS = 524_288;

export interface IndexHead {
  readonly uid: string;
  readonly segment: number;
  readonly stream: number;
  readonly epoch: number;
}

/** Gathers a segment's index as zstd frames of JSON lines: about 26 bytes an entry stay in memory. */
export class IndexWriter {
  readonly #frames: Buffer[] = [];
  #text: string;
  lines = 0;

  constructor(head: IndexHead) {
    const { uid, segment, stream, epoch } = head;
    this.#text = `${JSON.stringify({ v: 1, uid, segment, stream, epoch })}\n`;
  }

  add(line: string): void {
    this.#text += `${line}\n`;
    this.lines += 1;
    if (this.#text.length >= FRAME_CHARACTERS) this.#flush();
  }

  #flush(): void {
    this.#frames.push(zstdCompressSync(Buffer.from(this.#text, 'latin1')));
    this.#text = '';
  }

  /** Adds the last line and gives the whole index, compressed. */
  finish(frames: readonly (readonly [number, number])[] | undefined): Buffer {
    this.#text += `${JSON.stringify({ end: true, lines: this.lines, ...(frames === undefined ? {} : { frames }) })}\n`;
    this.#flush();
    return Buffer.concat(this.#frames);
  }
}

import { zstdCompressSync } from 'node:zlib';

/** Raw bytes of one zstd frame of an index, about. */
const FRAME_CHARACTERS = 524_288;

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
  #text: string;
  lines = 0;

  constructor(head: IndexHead) {
    const { uid, segment, stream, epoch } = head;
    this.#text = `${JSON.stringify({ v: 1, uid, segment, stream, epoch })}\n`;
  }

  add(line: string): void {
    this.#write(`${line}\n`);
    this.lines += 1;
  }

  #write(text: string): void {
    this.#text += text;
    if (this.#text.length >= FRAME_CHARACTERS) this.#flush();
  }

  #flush(): void {
    this.#frames.push(zstdCompressSync(Buffer.from(this.#text, 'latin1')));
    this.#text = '';
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
    if (this.#text !== '') this.#flush();
    return Buffer.concat(this.#frames);
  }
}

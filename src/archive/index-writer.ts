import { constants, zstdCompressSync } from 'node:zlib';
import { ByteText } from './byte-text.ts';

/** Raw bytes of one zstd frame of an index, about. */
const FRAME_BYTES = 524_288;

/** The fastest level: lines like these become no smaller by the others, but a little larger. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

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
  readonly #text = new ByteText(Buffer.allocUnsafeSlow(FRAME_BYTES + 4096));
  lines = 0;

  constructor(head: IndexHead) {
    const { uid, segment, stream, epoch } = head;
    this.#write(`${JSON.stringify({ v: 1, uid, segment, stream, epoch })}\n`);
  }

  /** Where the next line goes, without its line feed; then `endLine`. */
  get line(): ByteText {
    return this.#text;
  }

  endLine(): void {
    this.#write('\n');
    this.lines += 1;
  }

  add(line: string): void {
    this.#text.text(line);
    this.endLine();
  }

  #write(text: string): void {
    this.#text.text(text);
    if (this.#text.length >= FRAME_BYTES) this.#flush();
  }

  #flush(): void {
    this.#frames.push(zstdCompressSync(this.#text.written, COMPRESSION));
    this.#text.clear();
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
    if (this.#text.length > 0) this.#flush();
    return Buffer.concat(this.#frames);
  }
}

/** Labels and trailers are blocks of 80 printable ASCII characters; columns count from 1, as in the AUL standard. */
export const labelBytes = 80;

const printable = /^[ -~]*$/;

export class LabelError extends Error {
  readonly code = 'LabelError';
}

/** Puts fields into an 80-column label that begins as blanks. A field that does not fit is a fault of the caller. */
export class ColumnWriter {
  readonly #label = Buffer.alloc(labelBytes, ' ');

  constructor(id: string) {
    this.text(1, 4, id);
  }

  /** Left-justified, padded with blanks. */
  text(column: number, width: number, value: string): this {
    if (value.length > width || !printable.test(value))
      throw new LabelError(`${JSON.stringify(value)} does not fit into columns ${column}-${column + width - 1}`);
    this.#label.write(value.padEnd(width), column - 1, 'latin1');
    return this;
  }

  /** Decimal, padded with zeros. */
  number(column: number, width: number, value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new LabelError(`${value} in column ${column} is no count`);
    return this.text(column, width, String(value).padStart(width, '0'));
  }

  bytes(): Buffer {
    return this.#label;
  }
}

/** Takes fields out of a label; remembers whether one of them was not what it should be. */
export class ColumnReader {
  good = true;
  readonly #label: string;

  constructor(label: Uint8Array) {
    this.#label = Buffer.from(label.buffer, label.byteOffset, label.byteLength).toString('latin1');
    this.good = this.#label.length === labelBytes && printable.test(this.#label);
  }

  raw(column: number, width: number): string {
    return this.#label.slice(column - 1, column - 1 + width);
  }

  /** Without the blanks behind it. */
  text(column: number, width: number): string {
    return this.raw(column, width).trimEnd();
  }

  number(column: number, width: number): number {
    const digits = this.raw(column, width);
    const value = Number(digits);
    if (!/^\d+$/.test(digits) || !Number.isSafeInteger(value)) this.good = false;
    return value;
  }

  /** Notes that a field does not hold what it must. */
  expect(condition: boolean): void {
    if (!condition) this.good = false;
  }
}

import { CaptureError } from './capture-error.ts';
import { OPT_END, OPTION_HEADER_BYTES, padded } from './pcapng-format.ts';

// Bytes that are no UTF-8 become replacement characters: a comment is not worth an error.
const DECODER: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Walks over the options of a pcapng block. What a value needs and does not have is an error with the option's offset. */
export class OptionCursor {
  code: number = OPT_END;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  readonly #end: number;
  #next: number;
  #at = 0;
  #length = 0;

  constructor(bytes: Uint8Array, view: DataView, littleEndian: boolean, at: number, end: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.#littleEndian = littleEndian;
    this.#next = at;
    this.#end = end;
  }

  /** Goes to the next option; false at the end of options, said or not. */
  next(): boolean {
    const at = this.#next;
    if (at + OPTION_HEADER_BYTES > this.#end) return false;
    this.code = this.#view.getUint16(at, this.#littleEndian);
    if (this.code === OPT_END) return false;
    this.#length = this.#view.getUint16(at + 2, this.#littleEndian);
    this.#at = at + OPTION_HEADER_BYTES;
    this.#next = this.#at + padded(this.#length);
    if (this.#next > this.#end) {
      throw new CaptureError(`option ${this.code} of ${this.#length} bytes ends after its block`, at);
    }
    return true;
  }

  /** Some writers end texts with a 0, as in C. */
  text(): string {
    return DECODER.decode(this.#bytes.subarray(this.#at, this.#at + this.#length)).replace(/\0+$/, '');
  }

  uint8(): number {
    this.#assertLength(1);
    return this.#view.getUint8(this.#at);
  }

  uint32(): number {
    this.#assertLength(4);
    return this.#view.getUint32(this.#at, this.#littleEndian);
  }

  /** As a number: exact up to 2^53. */
  int64(): number {
    this.#assertLength(8);
    return Number(this.#view.getBigInt64(this.#at, this.#littleEndian));
  }

  #assertLength(bytes: number): void {
    if (this.#length === bytes) return;
    const at = this.#at - OPTION_HEADER_BYTES;
    throw new CaptureError(`option ${this.code} has ${this.#length} bytes instead of ${bytes}`, at);
  }
}

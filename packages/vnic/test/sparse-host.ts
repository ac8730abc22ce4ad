/** A host whose memory is anywhere: every page exists, is zero until written, and may be reached by the card. */
import type { Region } from '@netmem/region';
import type { DeviceDma, NicEvent, NicHost } from '../src/index.ts';
import { FlatClock } from '../src/mock/index.ts';

const PAGE_BYTES = 4096;

export class SparseHost implements NicHost {
  readonly clock: FlatClock = new FlatClock();
  readonly events: NicEvent[] = [];
  /** Vectors signalled since the test last emptied it. */
  readonly raised: number[] = [];
  readonly dma: DeviceDma;
  readonly #pages: Map<number, Uint8Array> = new Map();

  constructor() {
    const word = new Uint8Array(4);
    const view = new DataView(word.buffer);
    const store = (iova: number, value: number): number => {
      view.setInt32(0, value, true);
      this.store(iova, word);
      return 4;
    };
    this.dma = {
      epoch: 1,
      read: (iova: number, to: Region, at: number, length: number) => {
        for (let i = 0; i < length; i++) to.bytes[to.base + at + i] = this.#page(iova + i)[(iova + i) % PAGE_BYTES];
        return length;
      },
      write: (iova: number, from: Region, at: number, length: number) => {
        this.store(iova, from.bytes.subarray(from.base + at, from.base + at + length));
        return length;
      },
      load32: (iova: number) => {
        for (let i = 0; i < 4; i++) word[i] = this.#page(iova + i)[(iova + i) % PAGE_BYTES];
        return view.getUint32(0, true);
      },
      store32: store,
      publish32: store,
    };
  }

  raise(vector: number): void {
    this.raised.push(vector);
  }

  note(event: NicEvent): void {
    this.events.push(event);
  }

  store(iova: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#page(iova + i)[(iova + i) % PAGE_BYTES] = bytes[i];
  }

  #page(iova: number): Uint8Array {
    const number = Math.floor(iova / PAGE_BYTES);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = new Uint8Array(PAGE_BYTES);
      this.#pages.set(number, page);
    }
    return page;
  }
}

const ENTRY_BYTES = 16;
const VECTORS_MAX = 2048;
const CONTROL = 12;
const MASKED = 1;
/** Where messages go on a PC: the local APICs. */
const MESSAGE_ADDRESS = 0xfee0_0000;
/** What stands above the vector in the data of a message, so that one sent to the wrong place is seen. */
const MESSAGE_DATA = 0x4000;

/** The part of MSI-X that a hypervisor emulates: the table, and whom messages reach. */
export class MockMsix {
  /** Bus address of the table; the server has to find it in the BAR. */
  tableAddress = -1;
  /** Called for every interrupt. */
  onInterrupt: (vector: number) => void = () => {};
  /** Messages that no vector of the table would send, or that a masked one sent. */
  stray = 0;
  /** Does not answer reads of the table. */
  refuseReads = false;
  readonly #table: DataView = new DataView(new ArrayBuffer(VECTORS_MAX * ENTRY_BYTES));
  readonly #counts: Uint32Array = new Uint32Array(VECTORS_MAX);

  constructor() {
    for (let vector = 0; vector < VECTORS_MAX; vector++)
      this.#table.setUint32(vector * ENTRY_BYTES + CONTROL, MASKED, true);
  }

  /** What a guest writes into the table to have `vector` delivered. The server does not see it; announce it with SET_IRQS. */
  setUp(vector: number): void {
    const at = vector * ENTRY_BYTES;
    this.#table.setUint32(at, MESSAGE_ADDRESS, true);
    this.#table.setUint32(at + 4, 0, true);
    this.#table.setUint32(at + 8, MESSAGE_DATA + vector, true);
    this.#table.setUint32(at + CONTROL, 0, true);
  }

  /** Sets or clears the mask bit of a vector. */
  mask(vector: number, masked: boolean): void {
    this.#table.setUint32(vector * ENTRY_BYTES + CONTROL, masked ? MASKED : 0, true);
  }

  /** How often a vector was signalled since it was last asked. */
  take(vector: number): number {
    const count = this.#counts[vector];
    this.#counts[vector] = 0;
    return count;
  }

  /** Bytes of the table by bus address; null when it does not lie there. */
  readTable(address: number, length: number): Uint8Array | null {
    const at = address - this.tableAddress;
    if (this.refuseReads || this.tableAddress < 0 || at < 0 || at + length > this.#table.byteLength) return null;
    return new Uint8Array(this.#table.buffer, at, length);
  }

  /** A message arrives; false when nobody is there. */
  message(address: number, data: number): boolean {
    const vector = data - MESSAGE_DATA;
    if (address !== MESSAGE_ADDRESS || vector < 0 || vector >= VECTORS_MAX) return false;
    if ((this.#table.getUint32(vector * ENTRY_BYTES + CONTROL, true) & MASKED) !== 0) this.stray++;
    this.#counts[vector]++;
    this.onInterrupt(vector);
    return true;
  }
}

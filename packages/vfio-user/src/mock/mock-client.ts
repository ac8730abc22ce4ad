import { MessageReader, NEEDS_MORE, WHOLE } from '../message-reader.ts';
import * as protocol from '../protocol.ts';
import { EFAULT } from '../vfio-user-error.ts';
import * as messages from './messages.ts';
import { MockMsix } from './mock-msix.ts';

const { DMA_MESSAGE, HEADER, HEADER_BYTES } = protocol;

/** The answer to a command. */
export interface MockReply {
  readonly id: number;
  readonly command: number;
  /** 0, or the errno of an error reply. */
  readonly errno: number;
  /** The whole message, header included. */
  readonly view: DataView;
}

type OnReply = (reply: MockReply) => void;

/**
 * A vfio-user client in miniature: it sends any command, and answers the server's as QEMU does, with an MSI-X table and
 * interrupts that it counts. What a server reads by bus address is the table, and RAM where {@link MockVfioUserClient.readMemory} says so.
 *
 * Over a socket use {@link MockVfioUserClient.call}; over a loopback, where an answer is there when the call returns,
 * {@link MockVfioUserClient.callNow} as well.
 */
export class MockVfioUserClient {
  readonly msix: MockMsix = new MockMsix();
  /** Answers that belong to no command. */
  strayReplies = 0;
  /** Commands of the server that were answered, and that were not understood. */
  served = 0;
  unserved = 0;
  closed = false;
  /** DMA messages are those of QEMU before 11.1: a count of 32 bits, and data right behind it. */
  narrowDma = false;
  /** The guest's RAM as a server may read it through the guest; null for what is none. */
  readMemory: (address: number, length: number) => Uint8Array | null = () => null;
  /** Set by whoever carries the bytes: what {@link MockVfioUserClient.disconnect} and {@link MockVfioUserClient.pause} do. */
  onDisconnect: () => void = () => {};
  onPause: (paused: boolean) => void = () => {};
  readonly #send: (bytes: Uint8Array) => void;
  readonly #reader: MessageReader = new MessageReader();
  readonly #waiting: Map<number, OnReply> = new Map();
  readonly #onClose: (() => void)[] = [];
  #nextId = 0;

  /** @param send - Carries bytes to the server. */
  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  /** Bytes from the server. */
  receive(chunk: Uint8Array): void {
    // A copy that is no Buffer, whose slices would be no copies.
    this.#reader.push(new Uint8Array(chunk));
    for (let result = this.#reader.next(); result !== NEEDS_MORE; result = this.#reader.next()) {
      if (result !== WHOLE) throw new Error('the server sent something that is no message');
      this.#message();
    }
  }

  /** The connection has ended: everything that waits for an answer fails. */
  ended(): void {
    this.closed = true;
    this.#waiting.clear();
    for (const callback of this.#onClose.splice(0)) callback();
  }

  /** Goes away without a word, as a guest that was killed. */
  disconnect(): void {
    this.onDisconnect();
  }

  /** Stops reading what the server sends, or goes on; over a socket only. */
  pause(paused: boolean): void {
    this.onPause(paused);
  }

  /** Bytes as they are, message or not. */
  sendRaw(bytes: Uint8Array): void {
    this.#send(bytes);
  }

  /** A command that wants no answer. */
  post(command: number, body: Uint8Array = new Uint8Array(0)): void {
    this.#send(messages.message(this.#id(), command, body, protocol.FLAG_NO_REPLY));
  }

  /** A command and its answer. @throws Error when the connection ends first. */
  call(command: number, body: Uint8Array = new Uint8Array(0)): Promise<MockReply> {
    const { promise, resolve, reject } = Promise.withResolvers<MockReply>();
    const name = protocol.commandName(command);
    if (this.closed) reject(new Error(`${name}: the connection is closed`));
    else {
      this.#onClose.push(() => reject(new Error(`${name}: the server closed the connection`)));
      this.#submit(command, body, resolve);
    }
    return promise;
  }

  /** A command whose answer is there at once. @throws Error when it is not. */
  callNow(command: number, body: Uint8Array = new Uint8Array(0)): MockReply {
    let found: MockReply | null = null;
    this.#submit(command, body, (reply) => {
      found = reply;
    });
    if (found === null) throw new Error(`${protocol.commandName(command)}: no answer`);
    return found;
  }

  /** Reads `size` (1, 2 or 4) bytes of a region as a little-endian number, over a loopback. @throws Error when that is refused. */
  readRegionNow(region: number, offset: number, size: number): number {
    const reply = this.callNow(protocol.REGION_READ, messages.regionPayload(region, offset, size));
    if (reply.errno !== 0) throw new Error(`region ${region}: read at ${offset}: errno ${reply.errno}`);
    const at = protocol.REGION_MESSAGE.data;
    if (size === 4) return reply.view.getUint32(at, true);
    return size === 2 ? reply.view.getUint16(at, true) : reply.view.getUint8(at);
  }

  /** Writes `size` (1, 2 or 4) bytes of a region and asks for no answer, as a guest writes a BAR. */
  writeRegion(region: number, offset: number, size: number, value: number): void {
    const data = messages.littleEndian(value, size);
    this.post(protocol.REGION_WRITE, messages.regionPayload(region, offset, size, data));
  }

  #submit(command: number, body: Uint8Array, onReply: OnReply): void {
    const id = this.#id();
    this.#waiting.set(id, onReply);
    this.#send(messages.message(id, command, body));
  }

  #id(): number {
    this.#nextId = (this.#nextId + 1) & 0xffff;
    return this.#nextId;
  }

  #message(): void {
    const { bytes, at, length } = this.#reader;
    const view = new DataView(bytes.slice(at, at + length).buffer);
    const id = view.getUint16(HEADER.id, true);
    const command = view.getUint16(HEADER.command, true);
    const flags = view.getUint32(HEADER.flags, true);
    if ((flags & protocol.FLAG_TYPE) === protocol.TYPE_COMMAND) {
      this.#serve(id, command, flags, view);
      return;
    }
    const onReply = this.#waiting.get(id);
    if (onReply === undefined) {
      this.strayReplies++;
      return;
    }
    this.#waiting.delete(id);
    const errno = (flags & protocol.FLAG_ERROR) === 0 ? 0 : view.getUint32(HEADER.error, true);
    onReply({ id, command, errno, view });
  }

  #serve(id: number, command: number, flags: number, view: DataView): void {
    const address = protocol.readU64(view, DMA_MESSAGE.address);
    const count = this.narrowDma ? view.getUint32(DMA_MESSAGE.count, true) : protocol.readU64(view, DMA_MESSAGE.count);
    const dataAt = this.narrowDma ? protocol.NARROW_DMA_DATA : DMA_MESSAGE.data;
    let body: Uint8Array | null = null;
    if (command === protocol.DMA_READ) {
      const data = this.msix.readTable(address, count) ?? this.readMemory(address, count);
      if (data !== null) {
        body = new Uint8Array(DMA_MESSAGE.$bytes - HEADER_BYTES + count);
        body.set(new Uint8Array(view.buffer, HEADER_BYTES, DMA_MESSAGE.$bytes - HEADER_BYTES));
        body.set(data, dataAt - HEADER_BYTES);
      }
    } else if (command === protocol.DMA_WRITE && count === 4) {
      if (this.msix.message(address, view.getUint32(dataAt, true))) body = new Uint8Array(0);
    }
    if (body === null) this.unserved++;
    else this.served++;
    if ((flags & protocol.FLAG_NO_REPLY) !== 0 && body !== null) return;
    const reply = messages.message(id, command, body ?? new Uint8Array(0), protocol.TYPE_REPLY);
    if (body === null) {
      const out = new DataView(reply.buffer);
      out.setUint32(HEADER.flags, protocol.TYPE_REPLY | protocol.FLAG_ERROR, true);
      out.setUint32(HEADER.error, EFAULT, true);
    }
    this.#send(reply);
  }
}

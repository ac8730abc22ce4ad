import { runCommand } from './commands.ts';
import { MALFORMED, MessageReader, WHOLE } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import {
  BUS_READ_BYTES_MAX,
  commandName,
  DMA_MESSAGE,
  DMA_READ,
  DMA_WRITE,
  FLAG_ERROR,
  FLAG_NO_REPLY,
  FLAG_TYPE,
  HEADER,
  HEADER_BYTES,
  isKnownCommand,
  MESSAGE_BYTES_MAX,
  NARROW_DMA_DATA,
  TYPE_COMMAND,
  TYPE_REPLY,
  VERSION,
  writeU64,
} from './protocol.ts';
import type { Request } from './request.ts';
import type { VfioUserDevice } from './vfio-user-device.ts';
import { EINVAL, EMSGSIZE, ENOSYS, EOPNOTSUPP, EPROTO, VfioUserError } from './vfio-user-error.ts';

/** What carries the bytes of one guest. */
export interface GuestTransport {
  /** Sends bytes that are the transport's from now on. */
  send(bytes: Uint8Array): void;
  /** Closes, once what was sent before has gone. */
  close(): void;
  /** More is waiting to be sent than a guest that reads would leave. */
  readonly congested: boolean;
}

type BusReadDone = (data: DataView | null, at: number) => void;

interface BusRead {
  readonly length: number;
  readonly done: BusReadDone;
}

/** One guest's connection, from its first byte to its last. Nothing that arrives makes it throw or grow. */
export class DeviceSession {
  readonly device: VfioUserDevice;
  readonly writer: MessageWriter;
  /** Versions have been agreed on. */
  negotiated = false;
  /** The longest transfer that the guest takes. */
  guestTransferMax = 0;
  readonly #transport: GuestTransport;
  readonly #reader: MessageReader = new MessageReader();
  readonly #request: Request;
  readonly #busReads: Map<number, BusRead> = new Map();
  #nextId = 0;
  /** Where a DMA message of this client has its data: see {@link NARROW_DMA_DATA}. */
  #dmaDataAt: number = DMA_MESSAGE.data;
  #closed = false;

  constructor(device: VfioUserDevice, transport: GuestTransport) {
    this.device = device;
    this.#transport = transport;
    this.writer = new MessageWriter((bytes) => transport.send(bytes));
    const { bytes, view } = this.#reader;
    this.#request = { bytes, view, at: 0, length: 0, id: 0, command: 0, silent: false };
  }

  get congested(): boolean {
    return this.#transport.congested;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes from the guest. Its commands are carried out and answered at once; what they give the device to do is not. */
  receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#reader.push(chunk);
    this.resume();
  }

  /** Goes on with what {@link receive} left while the transport was congested. */
  resume(): void {
    const reader = this.#reader;
    const { device } = this;
    while (!this.#closed && !this.congested) {
      const result = reader.next();
      if (result === WHOLE) {
        device.stats.messages++;
        this.#message();
      } else if (result === MALFORMED) {
        this.#malformed();
      } else {
        break;
      }
    }
    if (this.#closed) return;
    device.interrupts.deliver();
    this.flush();
    device.onWork();
  }

  /** Sends what was collected. */
  flush(): void {
    if (!this.#closed) this.writer.flush();
  }

  /** The connection has ended, or ends now because of an error. */
  close(error: VfioUserError | null): void {
    if (this.#closed) return;
    this.writer.flush();
    this.#closed = true;
    this.#transport.close();
    const reads = [...this.#busReads.values()];
    this.#busReads.clear();
    for (const { done } of reads) done(null, 0);
    this.device.gone(error);
  }

  /** Starts the answer to a command, `length` bytes; returns where in the writer, or -1 when nobody wants one. */
  reply(request: Request, length: number): number {
    return request.silent ? -1 : this.writer.begin(request.id, request.command, TYPE_REPLY, length);
  }

  /** Answers a command with a header and nothing else. */
  acknowledge(request: Request): void {
    this.reply(request, HEADER_BYTES);
  }

  /** Answers with the error, and lets go of a guest that can never work. Returns 0: it is answered. */
  refuseForGood(request: Request, error: VfioUserError): number {
    if (!request.silent) this.#refuse(request, error.errno);
    this.close(error);
    return 0;
  }

  /** Reads by bus address, through the guest. */
  readBus(address: number, length: number, done: BusReadDone): void {
    if (this.#closed || length > BUS_READ_BYTES_MAX || length > this.guestTransferMax) {
      done(null, 0);
      return;
    }
    const id = this.#id();
    this.#busReads.set(id, { length, done });
    this.#dma(id, DMA_READ, TYPE_COMMAND, address, length, 0);
  }

  /** Writes a word by bus address, through the guest, which does not answer. */
  writeBus32(address: number, value: number): void {
    if (this.#closed) return;
    const at = this.#dma(this.#id(), DMA_WRITE, TYPE_COMMAND | FLAG_NO_REPLY, address, 4, 4);
    this.writer.view.setInt32(at + this.#dmaDataAt, value, true);
  }

  #message(): void {
    const { view, bytes, at, length } = this.#reader;
    const id = view.getUint16(at + HEADER.id, true);
    const command = view.getUint16(at + HEADER.command, true);
    const flags = view.getUint32(at + HEADER.flags, true);
    const type = flags & FLAG_TYPE;
    if (type === TYPE_REPLY) {
      this.#answered(id, command, flags, view, at, length);
      return;
    }
    const request = this.#request;
    request.bytes = bytes;
    request.view = view;
    request.at = at;
    request.length = length;
    request.id = id;
    request.command = command;
    request.silent = (flags & FLAG_NO_REPLY) !== 0;
    let errno = EINVAL;
    if (type === TYPE_COMMAND) {
      if (!this.negotiated && command !== VERSION) {
        const advice = 'A client has to agree on a version first; what connects here is no vfio-user client';
        this.refuseForGood(request, new VfioUserError(EPROTO, 'client', commandName(command), advice));
        return;
      }
      errno = runCommand(this, request);
    }
    if (errno === ENOSYS) {
      this.device.stats.unknownCommands++;
      // What the protocol has and this server does not is told from what is none.
      if (isKnownCommand(command)) errno = EOPNOTSUPP;
    }
    if (errno > 0 && !request.silent) this.#refuse(request, errno);
  }

  #refuse(request: Request, errno: number): void {
    this.device.stats.errorReplies++;
    this.writer.error(request.id, request.command, errno);
  }

  /** The answer to a command of ours; one that nobody asked for is passed over. */
  #answered(id: number, command: number, flags: number, view: DataView, at: number, length: number): void {
    if ((flags & FLAG_ERROR) !== 0 && command === DMA_WRITE) this.device.stats.interruptsRefused++;
    const read = this.#busReads.get(id);
    if (read === undefined || command !== DMA_READ) return;
    this.#busReads.delete(id);
    const good =
      (flags & FLAG_ERROR) === 0 &&
      length >= DMA_MESSAGE.$bytes + read.length &&
      view.getUint32(at + DMA_MESSAGE.count, true) === read.length;
    // Where the count's upper half should be 0 stands the first word of data: the address of a vector, which is not 0 once it is set up.
    if (good && view.getUint32(at + NARROW_DMA_DATA, true) !== 0) this.#dmaDataAt = NARROW_DMA_DATA;
    read.done(good ? view : null, at + this.#dmaDataAt);
  }

  #malformed(): void {
    const { view, at } = this.#reader;
    const { stats } = this.device;
    const size = view.getUint32(at + HEADER.size, true);
    stats.malformedStreams++;
    stats.errorReplies++;
    this.writer.error(view.getUint16(at + HEADER.id, true), view.getUint16(at + HEADER.command, true), EMSGSIZE);
    const advice = `A header says ${size} bytes; messages have ${HEADER_BYTES} to ${MESSAGE_BYTES_MAX}. What connects here is no vfio-user client`;
    this.close(new VfioUserError(EMSGSIZE, 'client', 'message', advice));
  }

  #id(): number {
    // Ids of reads that wait for an answer are not used again; there is one at a time.
    do this.#nextId = (this.#nextId + 1) & 0xffff;
    while (this.#busReads.has(this.#nextId));
    return this.#nextId;
  }

  #dma(id: number, command: number, flags: number, address: number, count: number, dataBytes: number): number {
    const { writer } = this;
    const at = writer.begin(id, command, flags, DMA_MESSAGE.$bytes + dataBytes);
    writeU64(writer.view, at + DMA_MESSAGE.address, address);
    writeU64(writer.view, at + DMA_MESSAGE.count, count);
    return at;
  }
}

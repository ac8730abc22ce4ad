import { CMSG_HEADER_BYTES, type Cmsg, POLL, readCmsgs, SO, SOL_SOCKET } from '@netmem/uapi';
import { flagNames, type OptionName, optionNumbers, pollNames, resultText, shutdownText } from './names.ts';
import type { ScenarioRun } from './scenario-run.ts';
import type { Address, HostName, IncomingMessage, OutgoingMessage, ReceiveRoom, SystemCalls } from './stack.ts';
import { bytesText, hex, payload } from './transcript.ts';

/** How a value that differs from run to run is shown: by a name, and only if it is no error. */
export interface Masked {
  readonly mask?: string;
}

const INT_BYTES = 4;
/** More than this is never read: such lengths are refused before. */
const LONGEST_OPTION = 4096;

/** A descriptor whose calls go into the transcript. After each the stack settles. */
export class RecordedSocket {
  readonly name: string;
  readonly host: HostName;
  readonly fd: number;
  readonly #run: ScenarioRun;
  readonly #calls: SystemCalls;

  constructor(run: ScenarioRun, host: HostName, name: string, fd: number) {
    this.#run = run;
    this.#calls = run.stack.host(host);
    this.host = host;
    this.name = name;
    this.fd = fd;
  }

  #record(call: string, args: string, result: number | string): void {
    this.#run.record(this.name, call, args, typeof result === 'number' ? resultText(result) : result);
  }

  bind(address: Address): number {
    const result = this.#calls.bind(this.fd, address);
    this.#record('bind', this.#run.addressText(address), result);
    return result;
  }

  listen(backlog: number): number {
    const result = this.#calls.listen(this.fd, backlog);
    this.#record('listen', String(backlog), result);
    return result;
  }

  /** @param name - What the accepted socket is called. */
  accept(name: string, flags: number = 0): RecordedSocket {
    const fd = this.#calls.accept(this.fd, flags);
    const shown = flags === 0 ? '' : `0x${flags.toString(16)}`;
    this.#record('accept', shown, fd < 0 ? fd : name);
    return this.#run.adopt(this.host, name, fd);
  }

  /** @param address - null: AF_UNSPEC. */
  connect(address: Address | null): number {
    const result = this.#calls.connect(this.fd, address);
    this.#record('connect', address === null ? 'UNSPEC' : this.#run.addressText(address), result);
    return result;
  }

  send(data: string | number | Uint8Array, flags: number = 0): number {
    const bytes = payload(data);
    const result = this.#calls.sendmsg(this.fd, { iov: [bytes] }, flags);
    this.#record('send', withFlags(bytesText(bytes), flags), result);
    return result;
  }

  sendTo(to: Address, data: string | number, flags: number = 0): number {
    const bytes = payload(data);
    const result = this.#calls.sendmsg(this.fd, { iov: [bytes], to }, flags);
    this.#record('sendto', withFlags(`${this.#run.addressText(to)}, ${bytesText(bytes)}`, flags), result);
    return result;
  }

  /** @param shown - The message in the transcript's words. */
  sendmsg(message: OutgoingMessage, flags: number, shown: string): number {
    const result = this.#calls.sendmsg(this.fd, message, flags);
    this.#record('sendmsg', withFlags(shown, flags), result);
    return result;
  }

  recv(length: number, flags: number = 0): number {
    const message = this.#calls.recvmsg(this.fd, { iov: [length] }, flags);
    this.#record('recv', withFlags(String(length), flags), received(message));
    return message.result;
  }

  /** `recvmsg` with all that it returns. */
  recvmsg(room: ReceiveRoom, flags: number = 0): number {
    const message = this.#calls.recvmsg(this.fd, room, flags);
    const parts = [`[${shortList(room.iov)}]`];
    if (room.control !== undefined) parts.push(`control ${room.control}`);
    this.#record('recvmsg', withFlags(parts.join(', '), flags), this.#receivedAll(message, room));
    return message.result;
  }

  #receivedAll(message: IncomingMessage, room: ReceiveRoom): string {
    if (message.result < 0) return resultText(message.result);
    const parts = [received(message), `flags=${flagNames(message.flags)}`];
    if (room.control !== undefined) parts.push(`control=${controlText(message.control)}`);
    if (room.name === true)
      parts.push(`from=${message.from === null ? 'nobody' : this.#run.addressText(message.from)}`);
    return parts.join(' ');
  }

  /** Sets an option. A number is an int. @param length - Stated length; the bytes' own by default. */
  set(option: OptionName, value: number | Uint8Array | null, length?: number): number {
    const [level, name] = optionNumbers(option);
    return this.setRaw(level, name, value, length, option);
  }

  setRaw(
    level: number,
    name: number,
    value: number | Uint8Array | null,
    length: number | undefined,
    option: string,
  ): number {
    const bytes = typeof value === 'number' ? new Uint8Array(Int32Array.of(value).buffer) : value;
    const stated = length ?? bytes?.length ?? 0;
    // What is stated can be read, unless it is absurd.
    const readable = stated > (bytes?.length ?? 0) && stated <= LONGEST_OPTION ? stated : (bytes?.length ?? 0);
    const memory = bytes === null ? null : new Uint8Array(readable);
    memory?.set(bytes as Uint8Array);
    const result = this.#calls.setsockopt(this.fd, level, name, memory, stated);
    const shown = typeof value === 'number' ? String(value) : value === null ? 'NULL' : `<${hex(value)}>`;
    this.#record('setsockopt', `${option}, ${shown}${length === undefined ? '' : `, ${length}`}`, result);
    return result;
  }

  /** Reads an option. @returns its int, or a negative errno, or 0 when there is no int. */
  get(option: OptionName, room: number = INT_BYTES, masked: Masked = {}): number {
    const [level, name] = optionNumbers(option);
    return this.getRaw(level, name, room, masked, option);
  }

  getRaw(level: number, name: number, room: number, masked: Masked, option: string): number {
    const value = new Uint8Array(room).fill(0xee);
    const written = this.#calls.getsockopt(this.fd, level, name, value);
    const int = written === INT_BYTES ? new DataView(value.buffer).getInt32(0, true) : 0;
    const shown = written === INT_BYTES ? String(int) : `${written} bytes <${hex(value)}>`;
    const args = room === INT_BYTES ? option : `${option}, ${room}`;
    this.#record('getsockopt', args, written < 0 ? written : (masked.mask ?? shown));
    return written < 0 ? written : int;
  }

  shutdown(how: number): number {
    const result = this.#calls.shutdown(this.fd, how);
    this.#record('shutdown', shutdownText(how), result);
    return result;
  }

  close(): number {
    const result = this.#calls.close(this.fd);
    this.#run.forget(this);
    this.#record('close', '', result);
    return result;
  }

  poll(): number {
    const mask = this.#calls.poll(this.fd);
    this.#record('poll', '', pollNames(mask));
    return mask;
  }

  /** Waits until `poll` shows one of the bits; the transcript says which of them it did. */
  until(mask: number = POLL.IN): number {
    const got = this.#run.stack.until(this.host, this.fd, mask);
    this.#record('until', pollNames(mask), (got & mask) === 0 ? 'timeout' : pollNames(got & mask));
    return got;
  }

  getsockname(): number {
    return this.#name('getsockname', this.#calls.getsockname(this.fd));
  }

  getpeername(): number {
    return this.#name('getpeername', this.#calls.getpeername(this.fd));
  }

  #name(call: string, address: Address | number): number {
    this.#record(call, '', typeof address === 'number' ? address : this.#run.addressText(address));
    return typeof address === 'number' ? address : address.port;
  }

  /** Sends until there is no room. @returns bytes; the transcript shows the errno that ended it. */
  fill(chunk: number = 65_536): number {
    const bytes = payload(chunk);
    let total = 0;
    let result = this.#calls.sendmsg(this.fd, { iov: [bytes] }, 0);
    for (; result > 0; result = this.#calls.sendmsg(this.fd, { iov: [bytes] }, 0)) {
      total += result;
      this.#run.stack.settle();
    }
    this.#record('fill', '', `some, ${resultText(result)}`);
    return total;
  }

  /** Reads until nothing is left; with `expected` until so many bytes came, as long as they keep coming. @returns bytes; the transcript shows what ended it. */
  drain(expected: number = 0): number {
    let total = 0;
    let result = 0;
    do {
      result = this.#calls.recvmsg(this.fd, { iov: [65_536] }, 0).result;
      if (result > 0) total += result;
      this.#run.stack.settle();
      // What the sender still holds comes when the window opens.
      if (result < 0 && total < expected) result = this.#run.stack.until(this.host, this.fd, POLL.IN) & POLL.IN;
    } while (result > 0);
    this.#record('drain', '', `${expected > 0 && total === expected ? 'all' : 'some'}, ${resultText(result)}`);
    return total;
  }
}

function withFlags(args: string, flags: number): string {
  return flags === 0 ? args : `${args}, ${flagNames(flags)}`;
}

function received(message: IncomingMessage): string {
  if (message.result <= 0) return resultText(message.result);
  const room = message.iov.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(room);
  let at = 0;
  for (const part of message.iov) {
    bytes.set(part, at);
    at += part.length;
  }
  return `${message.result} ${bytesText(bytes.subarray(0, message.result))}`;
}

function controlText(control: Uint8Array): string {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const messages = [...readCmsgs(view, 0, control.length)].map((cmsg) => cmsgText(control, cmsg));
  const cut = control.length > 0 && control.length < CMSG_HEADER_BYTES ? [`${control.length} bytes`] : [];
  return `[${[...messages, ...cut].join(', ')}]`;
}

function cmsgText(control: Uint8Array, cmsg: Cmsg): string {
  const { level, type, dataAt, dataLength } = cmsg;
  if (level === SOL_SOCKET && (type === SO.TIMESTAMPING || type === SO.TIMESTAMPING_NEW)) {
    return `${level}/${type} ${stampsText(control, cmsg)}`;
  }
  return `${level}/${type} <${hex(control.subarray(dataAt, dataAt + dataLength))}>`;
}

/** Which of three times are there: the times themselves are never the same twice. */
function stampsText(control: Uint8Array, { dataAt, dataLength }: Cmsg): string {
  const times = [0, 1, 2].map((i) =>
    control.subarray(dataAt + 16 * i, Math.min(dataAt + 16 * i + 16, dataAt + dataLength)),
  );
  const words = times.map((time) => (time.some((byte) => byte !== 0) ? 'a time' : 'none'));
  return `<${dataLength} bytes: ${words.join(', ')}>`;
}

/** `3, 4`, or `1025 x 1` for a long list of the same. */
function shortList(numbers: readonly number[]): string {
  return numbers.length > 8 ? `${numbers.length} x ${numbers[0]}` : numbers.join(', ');
}

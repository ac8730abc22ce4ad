/** A data connection of a test: moved to the bound queue by a rule of its own, then read into device memory. */
import type { Host } from '@netmem/lab';
import { EAGAIN, errnoName, FLOW_TYPE, kernelErrorFrom } from '@netmem/uapi';
import { parseAddress4 } from '@netmem/wire';
import type { DevmemReader, RangeSink } from '../host/devmem-reader.ts';
import type { ListenAddress } from '../host/options.ts';

/** recvmsg calls per stream before the network gets its turn. */
const CALLS_PER_TURN = 8;

/** iperf3 fills its streams with nothing that could be checked. */
const UNCHECKED: RangeSink = { begin() {}, consume() {}, end() {} };

/** One stream of a test. */
export class DataStream {
  /** `10.99.0.1:40000` */
  readonly peer: string;
  readonly #host: Host;
  readonly #reader: DevmemReader;
  readonly #fd: number;
  readonly #location: number;
  /** Payload in device memory. */
  devmemBytes: number = 0;
  /** Payload that came otherwise: none, if the rule was in time. */
  linearBytes: number = 0;
  ended: boolean = false;
  error: string | null = null;

  /**
   * Takes the socket over.
   *
   * @param queue - The bound rx queue that the flow goes to from here on.
   * @throws KernelError when the rule cannot be inserted.
   */
  constructor(host: Host, fd: number, listen: ListenAddress, queue: number, reader: DevmemReader) {
    const from = host.stack.sockets.getpeername(fd);
    const address = from?.address.toString() ?? '0.0.0.0';
    const port = from?.port ?? 0;
    this.#host = host;
    this.#fd = fd;
    this.#reader = reader;
    this.peer = `${address}:${port}`;
    this.#location = host.ethtool.insertRule(host.device, {
      flowType: FLOW_TYPE.TCP_V4,
      srcIp: addressBytes(address),
      dstIp: addressBytes(listen.address),
      srcPort: port,
      dstPort: listen.port,
      ring: queue,
    });
    if (this.#location < 0) throw kernelErrorFrom(this.#location, 'rule-insert');
  }

  /** Payload of either kind. */
  get bytes(): number {
    return this.devmemBytes + this.linearBytes;
  }

  /** Reads what has come; true if anything had. */
  service(): boolean {
    if (this.ended) return false;
    for (let calls = 0; calls < CALLS_PER_TURN; calls++) {
      const before = this.#reader.bytes;
      const result = this.#reader.receive(this.#fd, UNCHECKED);
      if (result === -EAGAIN) return calls > 0;
      if (result <= 0) {
        if (result < 0) this.error = `stream ${this.peer}: receiving failed with ${errnoName(result)}`;
        this.ended = true;
        return true;
      }
      const devmem = this.#reader.bytes - before;
      this.devmemBytes += devmem;
      this.linearBytes += result - devmem;
    }
    return true;
  }

  /** Closes the socket and removes the rule. */
  close(): void {
    this.ended = true;
    this.#host.stack.sockets.close(this.#fd);
    this.#host.ethtool.deleteRule(this.#host.device, this.#location);
  }
}

function addressBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, parseAddress4(text) ?? 0);
  return bytes;
}

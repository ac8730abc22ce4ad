/** From the cable to DONTNEED over so many receive queues and connections at once. */

import { createHost, type Host } from '@netmem/lab';
import { FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { AF_INET, EAGAIN, SOCK_STREAM } from '@netmem/uapi';
import { DevmemReader } from '../path/devmem-reader.ts';
import { StreamSources } from './stream-sources.ts';

const HOST = '10.0.0.1';
const HOST_MAC: Uint8Array = Uint8Array.of(2, 0, 0, 0, 0, 1);
const PORT = 5201;
const PAGE_BYTES = 4096;
/** Buffers in all rings together, so that more queues are not also more memory, which caches would have to say something about. */
const RING_ENTRIES = 4096;
const FRAGS_PER_CALL = 64;
const BACKLOG = 64;
/** Steps of a millisecond without anything moving: the sender does not repeat what is lost. */
const IDLE_STEPS = 1000;

/**
 * A host whose queues 1 to `queues` are bound to device memory and share all flows by their hash, and a receive loop over all connections. Queue 0 idles:
 * this card cannot bind it.
 */
export class ScaledPath {
  readonly host: Host;
  readonly source: StreamSources;
  /** Read so far. */
  bytes = 0;
  readonly #fds: Int32Array;
  readonly #received: Float64Array;
  readonly #reader: DevmemReader;

  /** @param queues - A power of two from 1 to 64. */
  constructor(queues: number, connections: number) {
    // The rings are full of it, and as much again is on its way.
    const deviceBytes = 2 * RING_ENTRIES * PAGE_BYTES;
    const memory = new LinearMemory(deviceBytes + 224 * 2 ** 20);
    const slots = new FrameSlots(memory, { count: 4096, slotBytes: 2048 });
    this.source = new StreamSources(slots, connections, { hostMac: HOST_MAC, hostAddress: HOST, hostPort: PORT });
    const bound = Array.from({ length: queues }, (_, i) => i + 1);
    this.host = createHost({
      port: this.source,
      memory,
      mac: HOST_MAC,
      addresses: [`${HOST}/24`],
      ramBytes: 160 * 2 ** 20,
      queues: queues + 1,
      ringEntries: RING_ENTRIES / queues,
      dmabuf: { bytes: deviceBytes, queues: bound },
    });
    this.#reader = new DevmemReader(this.host.stack.sockets, FRAGS_PER_CALL);
    this.#fds = new Int32Array(connections);
    this.#received = new Float64Array(connections);
    this.#connect(queues, connections);
  }

  #connect(queues: number, connections: number): void {
    const { sockets } = this.host.stack;
    const listener = sockets.socket(AF_INET, SOCK_STREAM);
    sockets.bind(listener, HOST, PORT);
    sockets.listen(listener, BACKLOG);
    for (let i = 0; i < connections; i++) {
      this.source.open(() => this.host.machine.run());
      this.#fds[i] = sockets.accept(listener);
      // What has no hash, such as ARP's answer to the first, goes by the table's first entry, and only queue 0 can take it.
      if (i === 0) this.host.setRssEqual(queues, 1);
      if (this.#fds[i] < 0) throw new Error(`connection ${i} was not accepted: ${this.#fds[i]}`);
    }
  }

  /** Moves `segments` segments through everything. */
  run(segments: number): void {
    const { source } = this;
    const { machine } = this.host;
    source.credit += segments;
    for (let idle = 0; source.credit > 0 || source.touchedCount > 0; ) {
      const moved = machine.step();
      const received = this.#receive();
      if (moved || received) idle = 0;
      else if (++idle > IDLE_STEPS) throw new Error('frames were lost: nothing moves any more');
      else machine.clock.advance(1e6);
    }
  }

  /** Reads connections that have been sent more than they were read of. */
  #receive(): boolean {
    const { source } = this;
    let any = false;
    for (let i = source.touchedCount - 1; i >= 0; i--) {
      const stream = source.touched[i];
      while (this.#received[stream] < source.sent[stream]) {
        const result = this.#reader.receive(this.#fds[stream]);
        if (result === -EAGAIN) break;
        if (result <= 0) throw new Error(`recvmsg: ${result}`);
        any = true;
        this.#received[stream] += result;
        this.bytes += result;
      }
      if (this.#received[stream] === source.sent[stream]) source.untouch(i);
    }
    return any;
  }
}

/** From the cable to DONTNEED in one process: card, driver, page pool, GRO, TCP, recvmsg, tokens. The sender costs next to nothing. */

import { createHost, type Host } from '@netmem/lab';
import { FrameSlots } from '@netmem/link';
import { LinearMemory } from '@netmem/region';
import { AF_INET, EAGAIN, SO, SOCK_STREAM, SOL_SOCKET } from '@netmem/uapi';
import { DevmemReader } from './devmem-reader.ts';
import { SegmentSource } from './segment-source.ts';

const HOST = '10.0.0.1';
const PORT = 5201;
const DEVICE_BYTES = 16 * 2 ** 20;
const RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;
const FRAGS_PER_CALL = 128;

/** A host with a connection from a {@link SegmentSource}, and the application's receive loop. */
export class InProcessPath {
  readonly host: Host;
  readonly source: SegmentSource;
  readonly #fd: number;
  readonly #reader: DevmemReader;
  bytes: number = 0;

  constructor(mtu: number = 1500) {
    const memory = new LinearMemory(256 * 2 ** 20);
    const slots = new FrameSlots(memory, { count: 4096, slotBytes: mtu > 1500 ? 10_240 : 2048 });
    this.source = new SegmentSource(slots, mtu);
    this.host = createHost({ port: this.source, memory, addresses: [`${HOST}/24`], dmabuf: { bytes: DEVICE_BYTES } });
    const { sockets } = this.host.stack;
    this.host.steer(HOST, PORT, 1);
    const listener = sockets.socket(AF_INET, SOCK_STREAM);
    sockets.setsockopt(
      listener,
      SOL_SOCKET,
      SO.RCVBUFFORCE,
      new Uint8Array(Int32Array.of(RECEIVE_BUFFER_BYTES).buffer),
    );
    sockets.bind(listener, HOST, PORT);
    sockets.listen(listener, 1);
    this.source.open({ hostMac: this.host.device.address, hostAddress: HOST, hostPort: PORT }, () =>
      this.host.machine.run(),
    );
    this.#fd = sockets.accept(listener);
    if (this.#fd < 0) throw new Error('the connection was not accepted');
    this.#reader = new DevmemReader(sockets, FRAGS_PER_CALL);
  }

  /** Moves `segments` segments through everything; returns the bytes that arrived. */
  run(segments: number): number {
    const before = this.bytes;
    this.source.credit += segments * (this.source.mtu - 40);
    const { machine } = this.host;
    for (let idle = 0; idle < 4; ) {
      const moved = machine.step();
      const received = this.#receive();
      if (moved || received) idle = 0;
      else {
        idle++;
        machine.clock.advance(1e6);
      }
      if (this.source.credit < this.source.mtu - 40 && !moved && !received) break;
    }
    return this.bytes - before;
  }

  #receive(): boolean {
    for (let calls = 0; ; calls++) {
      const result = this.#reader.receive(this.#fd);
      if (result === -EAGAIN) return calls > 0;
      if (result <= 0) throw new Error(`recvmsg: ${result}`);
      this.bytes += result;
    }
  }
}

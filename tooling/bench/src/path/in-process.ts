/** From the cable to DONTNEED in one process: card, driver, page pool, GRO, TCP, recvmsg, tokens. The sender costs next to nothing. */

import { createHost, type Host } from '@netmem/lab';
import { FrameSlots } from '@netmem/link';
import { LinearMemory, regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import {
  AF_INET,
  CMSG_HEADER_BYTES,
  DMABUF_CMSG,
  DMABUF_CMSG_SPACE,
  DMABUF_TOKEN_BYTES,
  EAGAIN,
  MSG_SOCK_DEVMEM,
  SO,
  SO_DEVMEM_DONTNEED,
  SOCK_STREAM,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
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
  readonly #msg: Msghdr = new Msghdr(
    [regionOf(new Uint8Array(1 << 20))],
    regionOf(new Uint8Array(FRAGS_PER_CALL * DMABUF_CMSG_SPACE)),
  );
  readonly #tokens: Uint8Array = new Uint8Array(FRAGS_PER_CALL * DMABUF_TOKEN_BYTES);
  readonly #tokenView: DataView = new DataView(this.#tokens.buffer);
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
    const { sockets } = this.host.stack;
    for (let calls = 0; ; calls++) {
      const result = sockets.recvmsg(this.#fd, this.#msg, MSG_SOCK_DEVMEM);
      if (result === -EAGAIN) return calls > 0;
      if (result <= 0) throw new Error(`recvmsg: ${result}`);
      this.bytes += result;
      this.#returnTokens();
    }
  }

  #returnTokens(): void {
    const { control, controlLength } = this.#msg;
    if (control === null) return;
    let runs = 0;
    let start = 0;
    let count = 0;
    for (let at = control.base + CMSG_HEADER_BYTES; at < control.base + controlLength; at += DMABUF_CMSG_SPACE) {
      const token = control.view.getUint32(at + DMABUF_CMSG.fragToken, true);
      if (count > 0 && token === start + count) count++;
      else {
        if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
        start = token;
        count = 1;
      }
    }
    if (count > 0) writeDmabufToken(this.#tokenView, runs++ * DMABUF_TOKEN_BYTES, start, count);
    this.host.stack.sockets.setsockopt(
      this.#fd,
      SOL_SOCKET,
      SO_DEVMEM_DONTNEED,
      this.#tokens,
      runs * DMABUF_TOKEN_BYTES,
    );
  }
}

// The shortest way through everything: four frames in, one fragment of device memory out, and nothing left behind.

import { programs } from '@netmem/dmabuf';
import { createScriptedPort, FrameSlots } from '@netmem/link';
import { LinearMemory, regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import {
  AF_INET,
  EAGAIN,
  EFAULT,
  MSG_SOCK_DEVMEM,
  readCmsgs,
  readDmabufCmsg,
  SCM_DEVMEM_DMABUF,
  SO_DEVMEM_DONTNEED,
  SOCK_STREAM,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
import { composeFrame, decodeFrame, formatMac, type TcpFields, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { createHost, type Host } from '../src/index.ts';

const HOST = '10.0.0.1';
const PEER = '10.0.0.2';
const PEER_MAC = '02:00:00:00:00:99';
const PORT = 5201;
const PAYLOAD = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff);

function createWalk(): { host: Host; exchange(fields: Partial<TcpFields>): TcpFields[] } {
  const memory = new LinearMemory(96 * 2 ** 20);
  const port = createScriptedPort(new FrameSlots(memory, { count: 256 }));
  const host = createHost({ port, memory, addresses: [`${HOST}/24`], dmabuf: { bytes: 2 ** 20 } });
  const destination = formatMac(host.device.address, 0);
  const exchange = (fields: Partial<TcpFields>): TcpFields[] => {
    const frame = composeFrame({
      ethernet: { source: PEER_MAC, destination },
      ipv4: { source: PEER, destination: HOST },
      tcp: { sourcePort: 40_000, destinationPort: PORT, window: 65_535, ...fields },
    });
    expect(port.push(frame)).toBe(true);
    host.machine.run();
    return port.takeAll().flatMap((bytes) => {
      const arp = decodeFrame(bytes)?.arp;
      if (arp !== undefined) {
        port.push(
          composeFrame({
            ethernet: { source: PEER_MAC, destination },
            arp: {
              operation: 2,
              senderMac: PEER_MAC,
              senderAddress: PEER,
              targetMac: formatMac(host.device.address, 0),
              targetAddress: HOST,
            },
          }),
        );
        host.machine.run();
        return port.takeAll().flatMap((more) => decodeFrame(more)?.tcp ?? []);
      }
      return decodeFrame(bytes)?.tcp ?? [];
    });
  };
  return { host, exchange };
}

describe('the smallest walk', () => {
  it('takes 1000 bytes from the wire into device memory, and gives everything back', () => {
    const { host, exchange } = createWalk();
    const { sockets } = host.stack;
    const bound = host.memory;
    if (bound?.device == null) throw new Error('no device memory');
    host.steer(HOST, PORT, 1);
    const listener = sockets.socket(AF_INET, SOCK_STREAM);
    expect(sockets.bind(listener, HOST, PORT)).toBe(0);
    expect(sockets.listen(listener, 8)).toBe(0);

    const sequence = 0x1000_0000;
    const [synAck] = exchange({ flags: tcp.SYN, sequence, options: { mss: 1460 } });
    expect(synAck?.flags).toBe(tcp.SYN | tcp.ACK);
    const acknowledgment = ((synAck?.sequence ?? 0) + 1) >>> 0;
    exchange({ flags: tcp.ACK, sequence: sequence + 1, acknowledgment });
    const fd = sockets.accept(listener);
    expect(fd).toBeGreaterThan(0);
    exchange({ flags: tcp.ACK | tcp.PSH, sequence: sequence + 1, acknowledgment, payload: PAYLOAD });
    exchange({ flags: tcp.ACK | tcp.FIN, sequence: sequence + 1001, acknowledgment });

    const control = regionOf(new Uint8Array(400));
    const msg = new Msghdr([regionOf(new Uint8Array(4096))], control);
    expect(sockets.recvmsg(fd, msg)).toBe(-EFAULT);
    expect(sockets.recvmsg(fd, msg, MSG_SOCK_DEVMEM)).toBe(1000);
    const cmsgs = [...readCmsgs(control.view, control.base, msg.controlLength)];
    expect(cmsgs).toHaveLength(1);
    expect(cmsgs[0]).toMatchObject({ level: SOL_SOCKET, type: SCM_DEVMEM_DMABUF });
    const frag = readDmabufCmsg(control.view, cmsgs[0]?.dataAt ?? 0);
    expect(frag).toMatchObject({ fragSize: 1000, fragToken: 1, dmabufId: bound.id });

    const verdict = bound.device.run(programs.compare(PAYLOAD), [{ offset: frag.fragOffset, length: frag.fragSize }]);
    expect(verdict).toEqual({ mismatchAt: -1, comparedBytes: 1000 });

    const token = new Uint8Array(8);
    writeDmabufToken(new DataView(token.buffer), 0, frag.fragToken, 1);
    expect(sockets.setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, token)).toBe(1);
    expect(sockets.setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, token)).toBe(0);
    expect(sockets.recvmsg(fd, msg, MSG_SOCK_DEVMEM)).toBe(0);
    expect(sockets.accept(listener)).toBe(-EAGAIN);

    sockets.close(fd);
    sockets.close(listener);
    host.machine.run();
    exchange({ flags: tcp.ACK, sequence: sequence + 1002, acknowledgment: (acknowledgment + 1) >>> 0 });
    expect(host.close()).toEqual([]);
  });
});

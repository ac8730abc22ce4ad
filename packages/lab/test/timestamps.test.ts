// When bytes came, by the card's clock, told by recvmsg beside the device memory they lie in.

import { devSetHwtstamp } from '@netmem/netdev';
import { regionOf } from '@netmem/region';
import { Msghdr } from '@netmem/tcp';
import {
  AF_INET,
  HWTSTAMP_FILTER,
  HWTSTAMP_TX,
  MSG_SOCK_DEVMEM,
  readCmsgs,
  readDmabufCmsg,
  readTimespec,
  SCM_DEVMEM_DMABUF,
  SCM_TIMESTAMPING,
  SO,
  SO_DEVMEM_DONTNEED,
  SOCK_STREAM,
  SOF_TIMESTAMPING,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { createPair } from '../src/index.ts';

const PORT = 5201;
const LATENCY_NS = 250_000;

describe('SCM_TIMESTAMPING', () => {
  it("has the card's time of device memory that was received", () => {
    const pair = createPair({
      host: { nicTimestamp: true, dmabuf: { bytes: 2 ** 20 } },
      cable: { latencyNs: LATENCY_NS },
    });
    const { host, peer } = pair;
    const config = { flags: 0, txType: HWTSTAMP_TX.OFF, rxFilter: HWTSTAMP_FILTER.ALL };
    expect(devSetHwtstamp(host.device, config)).toBe(0);
    host.steer('10.0.0.1', PORT, 1);
    const { sockets } = host.stack;
    const listener = sockets.socket(AF_INET, SOCK_STREAM);
    expect(sockets.bind(listener, '10.0.0.1', PORT)).toBe(0);
    expect(sockets.listen(listener, 4)).toBe(0);
    const flags = SOF_TIMESTAMPING.RX_HARDWARE | SOF_TIMESTAMPING.RAW_HARDWARE;
    const option = new Uint8Array(Int32Array.of(flags).buffer);
    expect(sockets.setsockopt(listener, SOL_SOCKET, SO.TIMESTAMPING, option)).toBe(0);
    const client = peer.stack.sockets.socket(AF_INET, SOCK_STREAM);
    peer.stack.sockets.connect(client, '10.0.0.1', PORT);
    pair.run({ until: () => false, timeoutNs: 7e9 });
    const server = sockets.accept(listener);
    const { clock } = host.machine;

    const sentAt = clock.nowNs;
    expect(peer.stack.sockets.sendmsg(client, new Msghdr([regionOf(new Uint8Array(1000))]))).toBe(1000);
    pair.run({ until: () => false, timeoutNs: 1e9 });
    const msg = new Msghdr([regionOf(new Uint8Array(4096))], regionOf(new Uint8Array(512)));
    expect(sockets.recvmsg(server, msg, MSG_SOCK_DEVMEM)).toBe(1000);
    const control = msg.control!;
    const messages = [...readCmsgs(control.view, control.base, msg.controlLength)];
    expect(messages.map(({ type }) => type)).toEqual([SCM_DEVMEM_DMABUF, SO.TIMESTAMPING]);
    const stamp = readTimespec(control.view, messages[1].dataAt + SCM_TIMESTAMPING.hardware);
    expect(stamp).toBeGreaterThanOrEqual(sentAt + LATENCY_NS);
    expect(stamp).toBeLessThan(sentAt + 2 * LATENCY_NS);
    expect(readTimespec(control.view, messages[1].dataAt + SCM_TIMESTAMPING.software)).toBe(0);

    const token = new Uint8Array(8);
    const { fragToken } = readDmabufCmsg(control.view, messages[0].dataAt);
    writeDmabufToken(new DataView(token.buffer), 0, fragToken, 1);
    expect(sockets.setsockopt(server, SOL_SOCKET, SO_DEVMEM_DONTNEED, token)).toBe(1);
    for (const fd of [listener, server]) sockets.close(fd);
    peer.stack.sockets.close(client);
    pair.run({ until: () => false, timeoutNs: 200e9 });
    expect(pair.close()).toEqual([]);
  });
});

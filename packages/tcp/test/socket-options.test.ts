import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EFAULT,
  EINVAL,
  ENOPROTOOPT,
  EOPNOTSUPP,
  IP,
  IPPROTO,
  IPV6,
  SO,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP,
} from '@netmem/uapi';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sockets } from '../src/socket/sockets.ts';
import { LoopbackHost, must } from './loopback-host.ts';

let host: LoopbackHost;
let sockets: Sockets;

beforeEach(() => {
  host = new LoopbackHost();
  sockets = host.sockets;
});

const tcp = (): number => sockets.socket(AF_INET, SOCK_STREAM);
const udp = (): number => sockets.socket(AF_INET, SOCK_DGRAM);
const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

function option(fd: number, level: number, name: number): number {
  const value = new Uint8Array(4);
  const length = sockets.getsockopt(fd, level, name, value);
  return length < 0 ? length : new DataView(value.buffer).getInt32(0, true);
}

describe('socket options: setSocketOption, getSocketOption', () => {
  it('of buffers (setReceiveBuffer) store twice what was asked, within limits', () => {
    const fd = tcp();
    const { rmemMax, wmemMax } = host.stack.sysctl;
    for (const [name, most, least] of [
      [SO.RCVBUF, rmemMax, 2304],
      [SO.SNDBUF, wmemMax, 4608],
    ] as const) {
      const set = (value: number): number => {
        expect(sockets.setsockopt(fd, SOL_SOCKET, name, int(value))).toBe(0);
        return option(fd, SOL_SOCKET, name);
      };
      expect([set(50_000), set(0), set(0x7fff_ffff), set(-1)]).toEqual([100_000, least, 2 * most, 2 * most]);
    }
    sockets.setsockopt(fd, SOL_SOCKET, SO.RCVBUFFORCE, int(rmemMax * 4));
    expect(option(fd, SOL_SOCKET, SO.RCVBUF)).toBe(rmemMax * 8);
    sockets.setsockopt(fd, SOL_SOCKET, SO.SNDBUFFORCE, int(-1));
    expect(option(fd, SOL_SOCKET, SO.SNDBUF)).toBe(4608);
    sockets.setsockopt(fd, SOL_SOCKET, SO.RCVBUFFORCE, int(0x7fff_ffff));
    expect(option(fd, SOL_SOCKET, SO.RCVBUF)).toBe(0x7fff_fffe);
  });

  it('describe the socket', () => {
    const { fd } = host.listen('::1', AF_INET6);
    const listed = [SO.TYPE, SO.DOMAIN, SO.PROTOCOL, SO.ACCEPTCONN].map((name) => option(fd, SOL_SOCKET, name));
    expect(listed).toEqual([SOCK_STREAM, AF_INET6, IPPROTO.TCP, 1]);
    expect(option(tcp(), SOL_SOCKET, SO.ACCEPTCONN)).toBe(0);
    for (const name of [SO.TYPE, SO.DOMAIN, SO.PROTOCOL, SO.ERROR, SO.ACCEPTCONN]) {
      expect(sockets.setsockopt(fd, SOL_SOCKET, name, int(1))).toBe(-ENOPROTOOPT);
    }
  });

  it.each([
    [SOL_SOCKET, SO.REUSEADDR, 1],
    [SOL_SOCKET, SO.REUSEPORT, 1],
    [SOL_SOCKET, SO.KEEPALIVE, 1],
    [SOL_SOCKET, SO.OOBINLINE, 1],
    [SOL_SOCKET, SO.ZEROCOPY, 1],
    [IPPROTO.TCP, TCP.NODELAY, 1],
    [IPPROTO.TCP, TCP.CORK, 1],
    [IPPROTO.TCP, TCP.MAXSEG, 1000],
    [IPPROTO.TCP, TCP.SYNCNT, 3],
    [IPPROTO.TCP, TCP.LINGER2, 7],
    [IPPROTO.TCP, TCP.USER_TIMEOUT, 5000],
    [IPPROTO.TCP, TCP.INQ, 1],
    [IPPROTO.IP, IP.TTL, 33],
    [IPPROTO.IP, IP.TOS, 0x10],
  ])('level %i name %i holds %i', (level, name, value) => {
    const fd = tcp();
    expect(option(fd, level, name)).not.toBe(value);
    expect(sockets.setsockopt(fd, level, name, int(value))).toBe(0);
    expect(option(fd, level, name)).toBe(value);
  });

  it.each([
    [SOL_SOCKET, SO.ZEROCOPY, 2],
    [IPPROTO.TCP, TCP.MAXSEG, 87],
    [IPPROTO.TCP, TCP.MAXSEG, 32_768],
    [IPPROTO.TCP, TCP.SYNCNT, 0],
    [IPPROTO.TCP, TCP.SYNCNT, 128],
    [IPPROTO.TCP, TCP.USER_TIMEOUT, -1],
    [IPPROTO.TCP, TCP.INQ, 2],
    [IPPROTO.IP, IP.TTL, 256],
    [IPPROTO.IP, IP.TTL, 0],
  ])('level %i name %i refuses %i', (level, name, value) => {
    expect(sockets.setsockopt(tcp(), level, name, int(value))).toBe(-EINVAL);
  });

  it('are checked for length and memory in the order of their level: setTcpOption, setIp', () => {
    const fd = tcp();
    const set = (level: number, name: number, value: Uint8Array | null, length?: number): number =>
      sockets.setsockopt(fd, level, name, value, length);
    expect(set(SOL_SOCKET, 9999, null, 3)).toBe(-EINVAL);
    expect(set(SOL_SOCKET, 9999, null, 4)).toBe(-EFAULT);
    expect(set(SOL_SOCKET, 9999, int(0))).toBe(-ENOPROTOOPT);
    expect(set(SOL_SOCKET, SO.LINGER, int(1))).toBe(-EINVAL);
    expect(set(SOL_SOCKET, SO.LINGER, int(1), 8)).toBe(-EFAULT);
    expect(set(IPPROTO.TCP, 9999, null, 3)).toBe(-EINVAL);
    expect(set(IPPROTO.TCP, 9999, null, 4)).toBe(-EFAULT);
    expect(set(IPPROTO.TCP, 9999, int(0))).toBe(-ENOPROTOOPT);
    expect(set(IPPROTO.IP, IP.TTL, null, 0)).toBe(-EINVAL);
    expect(set(IPPROTO.IP, IP.TTL, null, 1)).toBe(-EFAULT);
    expect(set(IPPROTO.IP, IP.TTL, Uint8Array.of(77))).toBe(0);
    expect(option(fd, IPPROTO.IP, IP.TTL)).toBe(77);
    expect(set(IPPROTO.IPV6, IPV6.V6ONLY, int(1))).toBe(-ENOPROTOOPT);
    expect(set(12_345, 1, int(1))).toBe(-ENOPROTOOPT);
    expect(sockets.setsockopt(udp(), IPPROTO.TCP, TCP.NODELAY, int(1))).toBe(-ENOPROTOOPT);
    const unix = sockets.socket(AF_UNIX, SOCK_STREAM);
    expect(sockets.setsockopt(unix, IPPROTO.TCP, TCP.NODELAY, int(1))).toBe(-EOPNOTSUPP);
    expect(sockets.setsockopt(unix, SOL_SOCKET, SO.REUSEADDR, int(1))).toBe(0);
    expect(sockets.setsockopt(unix, SOL_SOCKET, SO.ZEROCOPY, int(1))).toBe(-EOPNOTSUPP);
  });

  it('of IPv6 (setIpv6) belong to IPv6 sockets', () => {
    const fd = sockets.socket(AF_INET6, SOCK_STREAM);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, int(1))).toBe(0);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, Uint8Array.of(1))).toBe(-EINVAL);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS, int(256))).toBe(-EINVAL);
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS, int(9))).toBe(0);
    expect([option(fd, IPPROTO.IPV6, IPV6.V6ONLY), option(fd, IPPROTO.IPV6, IPV6.UNICAST_HOPS)]).toEqual([1, 9]);
    must(sockets.bind(fd, '::1', 7000));
    expect(sockets.setsockopt(fd, IPPROTO.IPV6, IPV6.V6ONLY, int(0))).toBe(-EINVAL);
  });

  it('clip what they return to the room there is; getTcpOption knows what it does not', () => {
    const value = new Uint8Array(2);
    expect(sockets.getsockopt(tcp(), SOL_SOCKET, SO.RCVBUF, value)).toBe(2);
    expect(option(tcp(), IPPROTO.TCP, 9999)).toBe(-ENOPROTOOPT);
  });
});

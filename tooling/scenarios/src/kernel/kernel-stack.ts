import { readFileSync, writeFileSync } from 'node:fs';
import { InetAddress } from '@netmem/tcp';
import { AF_INET, AF_INET6, EADDRNOTAVAIL, SOCK_DGRAM, SOL_SOCKET } from '@netmem/uapi';
import { type HostName, type LimitName, type StackUnderTest, type SystemCalls, UNTIL_TIMEOUT_MS } from '../stack.ts';
import { KernelCalls } from './kernel-calls.ts';
import { addressOf, libc, memory, orErrno } from './libc.ts';

const CLONE_NEWNET = 0x40000000;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCGIFINDEX = 0x8933;
const IFF_UP = 0x1;
const IFREQ_BYTES = 40;
const IFREQ_UNION_AT = 16;
const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;

/** Linux on lo answers before a call returns, but for work that it hands to a thread when it has much to do. */
const SHORT_PAUSE_US = 100;

/**
 * The kernel that runs this process, in a network namespace made for this object: only lo, no port in use. The process must be allowed to make one, as
 * a child of `spawnInNetworkNamespace` is.
 */
export class KernelStack implements StackUnderTest {
  readonly #calls: KernelCalls = new KernelCalls();
  readonly #settleUs: number;

  /** @param settleMs - How long to wait after every call. 0 is a moment: enough unless the machine is very busy. */
  constructor(settleMs: number) {
    this.#settleUs = Math.max(settleMs * 1000, SHORT_PAUSE_US);
    must(libc.unshare(CLONE_NEWNET), 'unshare');
    setDefaults();
    setLoUp();
  }

  host(): SystemCalls {
    return this.#calls;
  }

  address(name: HostName, family: number): string {
    if (family === AF_INET6) return name === 'client' ? 'fd00::1' : 'fd00::2';
    return name === 'client' ? '127.0.0.1' : '127.0.0.2';
  }

  limit(name: LimitName): number {
    return Number(readFileSync(`/proc/sys/net/core/${name}`, 'utf8'));
  }

  settle(): void {
    libc.usleep(this.#settleUs);
  }

  until(_name: HostName, fd: number, mask: number): number {
    return this.#calls.wait(fd, mask, UNTIL_TIMEOUT_MS);
  }

  sleep(milliseconds: number): void {
    libc.usleep(milliseconds * 1000);
  }

  crossing(sockets: readonly { readonly fd: number }[], calls: () => void): void {
    // Packets cannot be held back on lo, but lost: what both sent crosses when it is repeated.
    for (const { fd } of sockets) dropEverything(fd);
    calls();
    for (const { fd } of sockets) must(libc.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, memory(4), 4), 'detach');
  }

  close(): readonly string[] {
    return [];
  }
}

/** What a new namespace has from its host, whose owner may have changed it, as Linux comes with. */
const DEFAULTS = { 'ipv4/tcp_rmem': '4096 131072 33554432', 'ipv4/tcp_wmem': '4096 16384 4194304' } as const;

function setDefaults(): void {
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const file = `/proc/sys/net/${name}`;
    const current = readFileSync(file, 'utf8').trim().replace(/\s+/g, ' ');
    // Where /proc/sys cannot be written, a host that has the defaults will do.
    if (current !== value) writeFileSync(file, value);
  }
}

function must(result: number, what: string): number {
  const value = orErrno(result);
  if (value < 0) throw new Error(`${what}: errno ${-value}`);
  return value;
}

/** Attaches a filter that drops every packet: one instruction, `return 0`. */
function dropEverything(fd: number): void {
  // struct sock_filter: code (BPF_RET | BPF_K), jt, jf, k. struct sock_fprog: length, pointer.
  const filter = memory(8);
  filter[0] = 0x06;
  const program = memory(16);
  const view = new DataView(program.buffer);
  view.setUint16(0, 1, true);
  view.setBigUint64(8, addressOf(filter), true);
  must(libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length), 'attach');
}

function request(): { readonly bytes: Uint8Array; readonly view: DataView } {
  const bytes = memory(IFREQ_BYTES);
  bytes.set([0x6c, 0x6f]);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** lo up, and with two IPv6 addresses so that the hosts have one each. IPv4 has all of 127.0.0.0/8. */
function setLoUp(): void {
  const fd = must(libc.socket(AF_INET, SOCK_DGRAM, 0), 'socket');
  const flags = request();
  flags.view.setUint16(IFREQ_UNION_AT, IFF_UP, true);
  must(libc.ioctl(fd, SIOCSIFFLAGS, flags.bytes), 'SIOCSIFFLAGS');
  const index = request();
  must(libc.ioctl(fd, SIOCGIFINDEX, index.bytes), 'SIOCGIFINDEX');
  libc.close(fd);
  const fd6 = must(libc.socket(AF_INET6, SOCK_DGRAM, 0), 'socket');
  for (const address of ['fd00::1', 'fd00::2']) {
    // struct in6_ifreq: address, prefix length, interface index.
    const bytes = memory(24);
    const view = new DataView(bytes.buffer);
    InetAddress.parse(address)?.writeV6(view, 0);
    view.setUint32(16, 128, true);
    view.setInt32(20, index.view.getInt32(IFREQ_UNION_AT, true), true);
    must(libc.ioctl(fd6, SIOCSIFADDR, bytes), 'SIOCSIFADDR');
    waitForAddress(address);
  }
  libc.close(fd6);
}

/** A new IPv6 address is of use only when a work item of the kernel has looked at it. */
function waitForAddress(ip: string): void {
  const calls = new KernelCalls();
  const fd = calls.socket(AF_INET6, SOCK_DGRAM, 0);
  for (let waited = 0; calls.bind(fd, { ip, port: 0 }) === -EADDRNOTAVAIL; waited++) {
    if (waited === UNTIL_TIMEOUT_MS) throw new Error(`${ip} is not there after ${waited} ms`);
    libc.usleep(1000);
  }
  calls.close(fd);
}

/** Device memory’s calls where there is none: errors, and ordinary data that they do not touch. */
import {
  AF_INET,
  AF_INET6,
  IPPROTO,
  MSG_OOB,
  MSG_PEEK,
  MSG_SOCK_DEVMEM,
  MSG_TRUNC,
  MSG_ZEROCOPY,
  SCM_DEVMEM_DMABUF,
  SCM_DEVMEM_LINEAR,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
} from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';
import { payload } from '../transcript.ts';
import { controlMessage } from './control-messages.ts';

/** struct dmabuf_token: first token, how many. */
function tokens(count: number, start: number = 0, each: number = 1): Uint8Array {
  const words = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) words.set([start + i, each], 2 * i);
  return new Uint8Array(words.buffer);
}

export const DEVMEM: readonly Scenario[] = [
  {
    id: 'SO_DEVMEM_DONTNEED: tokens nobody has',
    run(t) {
      const { client } = t.connected();
      client.set('SO_DEVMEM_DONTNEED', tokens(1));
      client.set('SO_DEVMEM_DONTNEED', tokens(1, 12_345));
      client.set('SO_DEVMEM_DONTNEED', tokens(1, 0xffffffff));
      client.set('SO_DEVMEM_DONTNEED', tokens(1, 1, 0));
      client.set('SO_DEVMEM_DONTNEED', tokens(1, 0, 1024));
      client.set('SO_DEVMEM_DONTNEED', tokens(1, 0, 1025));
      client.set('SO_DEVMEM_DONTNEED', tokens(1, 0, 0xffffffff));
      client.set('SO_DEVMEM_DONTNEED', tokens(2, 5));
    },
  },
  {
    id: 'SO_DEVMEM_DONTNEED: lengths',
    run(t) {
      const { client } = t.connected();
      for (const count of [127, 128, 129]) {
        client.setRaw(SOL_SOCKET, 80, tokens(count), undefined, `SO_DEVMEM_DONTNEED ${count} tokens`);
      }
      for (const length of [0, 1, 3, 4, 7, 8, 9, 12, 15, 16]) client.set('SO_DEVMEM_DONTNEED', tokens(1), length);
      for (const length of [0, 3, 4, 7, 8, 1032]) client.set('SO_DEVMEM_DONTNEED', null, length);
      client.set('SO_DEVMEM_DONTNEED', tokens(1), -1);
      client.set('SO_DEVMEM_DONTNEED', tokens(1), -0x80000000);
    },
  },
  {
    id: 'SO_DEVMEM_DONTNEED: sockets that are not connected, and not TCP',
    run(t) {
      for (const x of [
        t.tcp('client', 'tcp'),
        t.tcp('client', 'tcp6', AF_INET6),
        t.listener(),
        t.udp('client', 'udp'),
        t.socket('client', 'raw', AF_INET, SOCK_RAW, IPPROTO.TCP),
      ]) {
        x.set('SO_DEVMEM_DONTNEED', tokens(1));
        x.set('SO_DEVMEM_DONTNEED', tokens(1), 7);
        x.set('SO_DEVMEM_DONTNEED', tokens(1), 3);
        x.set('SO_DEVMEM_DONTNEED', null, 8);
      }
    },
  },
  {
    id: 'SO_DEVMEM_*: not gettable, and the other two not settable',
    run(t) {
      const { client } = t.connected();
      for (const name of ['SO_DEVMEM_LINEAR', 'SO_DEVMEM_DMABUF', 'SO_DEVMEM_DONTNEED'] as const) client.get(name, 8);
      for (const name of ['SO_DEVMEM_LINEAR', 'SO_DEVMEM_DMABUF'] as const) client.set(name, tokens(1));
    },
  },
  {
    id: 'MSG_SOCK_DEVMEM: on ordinary data it changes nothing',
    run(t) {
      const { client, server } = t.connected();
      server.recvmsg({ iov: [10], control: 100 }, MSG_SOCK_DEVMEM);
      client.send('0123456789abcdef');
      server.recvmsg({ iov: [4], control: 100 }, MSG_SOCK_DEVMEM | MSG_PEEK);
      server.recvmsg({ iov: [4], control: 100 }, MSG_SOCK_DEVMEM);
      server.recvmsg({ iov: [4] }, MSG_SOCK_DEVMEM);
      server.recvmsg({ iov: [2], control: 1 }, MSG_SOCK_DEVMEM);
      server.recvmsg({ iov: [2], control: 100 }, MSG_SOCK_DEVMEM | MSG_TRUNC);
      client.send('Z', MSG_OOB);
      server.recvmsg({ iov: [1], control: 100 }, MSG_SOCK_DEVMEM | MSG_OOB);
      server.recvmsg({ iov: [100], control: 100 }, MSG_SOCK_DEVMEM);
      client.close();
      server.recvmsg({ iov: [10], control: 100 }, MSG_SOCK_DEVMEM);
    },
  },
  {
    id: 'MSG_SOCK_DEVMEM: without a connection, and on UDP',
    run(t) {
      t.tcp('client', 'x').recvmsg({ iov: [10], control: 100 }, MSG_SOCK_DEVMEM);
      t.listener().recvmsg({ iov: [10], control: 100 }, MSG_SOCK_DEVMEM);
      const { client, server } = t.datagramPair();
      server.bind(t.at('server', 7005));
      client.sendTo(t.at('server'), 'datagram');
      server.recvmsg({ iov: [10], control: 100 }, MSG_SOCK_DEVMEM);
    },
  },
  {
    id: 'MSG_SOCK_DEVMEM: sending with it',
    run(t) {
      const { client, server } = t.connected();
      client.send('abc', MSG_SOCK_DEVMEM);
      server.recv(10);
    },
  },
  {
    id: 'SCM_DEVMEM_DMABUF: sending from memory that is not bound',
    run(t) {
      const { client, server } = t.connected();
      const iov = [payload('abc')];
      const one = controlMessage(SOL_SOCKET, SCM_DEVMEM_DMABUF, Uint8Array.of(1, 0, 0, 0));
      client.sendmsg({ iov, control: one }, 0, 'dmabuf 1');
      client.sendmsg({ iov, control: one }, MSG_ZEROCOPY, 'dmabuf 1');
      client.set('SO_ZEROCOPY', 1);
      client.sendmsg({ iov, control: one }, MSG_ZEROCOPY, 'dmabuf 1');
      const short = controlMessage(SOL_SOCKET, SCM_DEVMEM_DMABUF, Uint8Array.of(1, 0));
      client.sendmsg({ iov, control: short }, 0, 'dmabuf of 2 bytes');
      const linear = controlMessage(SOL_SOCKET, SCM_DEVMEM_LINEAR, Uint8Array.of(1, 0, 0, 0));
      client.sendmsg({ iov, control: linear }, 0, 'linear');
      server.recv(10);
    },
  },
  {
    id: 'SO_DEVMEM_DONTNEED: an MPTCP socket',
    run(t) {
      const x = t.socket('client', 'x', AF_INET, SOCK_STREAM, IPPROTO.MPTCP);
      x.set('SO_DEVMEM_DONTNEED', tokens(1));
      x.set('SO_DEVMEM_DONTNEED', tokens(1), 1);
      x.recvmsg({ iov: [1] }, MSG_SOCK_DEVMEM);
    },
  },
];

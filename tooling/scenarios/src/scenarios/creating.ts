/** `socket`: what there is, and in what order it is refused. */
import { AF_INET, AF_INET6, IPPROTO, SHUT_WR, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';

const SOCK_SEQPACKET = 5;
const SOCK_RDM = 4;

export const CREATING: readonly Scenario[] = [
  {
    id: 'socket: kinds that exist',
    run(t) {
      for (const family of [AF_INET, AF_INET6]) {
        t.socket('client', 'tcp', family, SOCK_STREAM);
        t.socket('client', 'tcp by name', family, SOCK_STREAM, IPPROTO.TCP);
        t.socket('client', 'udp', family, SOCK_DGRAM);
        t.socket('client', 'udp by name', family, SOCK_DGRAM, IPPROTO.UDP);
        t.socket('client', 'raw', family, SOCK_RAW, IPPROTO.UDP);
      }
    },
  },
  {
    id: 'socket: types and protocols that do not go together',
    run(t) {
      t.socket('client', 'x', AF_INET, SOCK_STREAM, IPPROTO.UDP);
      t.socket('client', 'x', AF_INET, SOCK_DGRAM, IPPROTO.TCP);
      t.socket('client', 'x', AF_INET6, SOCK_STREAM, IPPROTO.UDP);
      t.socket('client', 'x', AF_INET, SOCK_STREAM, IPPROTO.ICMP);
      t.socket('client', 'x', AF_INET, SOCK_SEQPACKET, 0);
      t.socket('client', 'x', AF_INET, SOCK_RDM, 0);
      t.socket('client', 'x', AF_INET, SOCK_RAW, 0);
    },
  },
  {
    id: 'socket: numbers out of range, and which of two is told',
    run(t) {
      t.socket('client', 'x', AF_INET, 0);
      t.socket('client', 'x', AF_INET, 7);
      t.socket('client', 'x', AF_INET, 11);
      t.socket('client', 'x', AF_INET, 15);
      t.socket('client', 'x', AF_INET, SOCK_STREAM | 0x10);
      t.socket('client', 'x', AF_INET, SOCK_STREAM, -1);
      t.socket('client', 'x', AF_INET, SOCK_STREAM, 263);
      t.socket('client', 'x', AF_INET, SOCK_DGRAM, 255);
      t.socket('client', 'x', AF_INET, SOCK_STREAM, 200);
      t.socket('client', 'x', 0, SOCK_STREAM);
      t.socket('client', 'x', 46, SOCK_STREAM);
      t.socket('client', 'x', 1000, SOCK_STREAM);
      t.socket('client', 'x', -1, SOCK_STREAM);
      t.socket('client', 'x', 1000, SOCK_STREAM | 0x10);
      t.socket('client', 'x', 1000, 12);
    },
  },
  {
    id: 'socket: calls on a descriptor that was closed',
    run(t) {
      const x = t.tcp('client', 'x');
      x.close();
      x.bind(t.at('client'));
      x.listen(1);
      x.accept('y');
      x.connect(t.at('server'));
      x.send('a');
      x.recv(1);
      x.set('SO_REUSEADDR', 1);
      x.get('SO_TYPE');
      x.shutdown(SHUT_WR);
      x.getsockname();
      x.close();
    },
  },
  {
    id: 'socket: a fresh TCP socket, call by call',
    run(t) {
      const c = t.tcp('client', 'c');
      c.poll();
      c.getsockname();
      c.getpeername();
      c.send('a');
      c.recv(1);
      c.recv(0);
      c.accept('y');
      c.shutdown(SHUT_WR);
      c.get('SO_ERROR');
      c.poll();
      c.close();
    },
  },
  {
    id: 'socket: a fresh UDP socket, call by call',
    run(t) {
      const c = t.udp('client', 'c');
      c.poll();
      c.getsockname();
      c.getpeername();
      c.send('a');
      c.recv(1);
      c.listen(1);
      c.accept('y');
      c.shutdown(SHUT_WR);
      c.get('SO_ERROR');
      c.poll();
      c.close();
    },
  },
  {
    id: 'socket: what a socket says it is',
    run(t) {
      for (const [family, type, protocol] of [
        [AF_INET, SOCK_STREAM, 0],
        [AF_INET6, SOCK_STREAM, IPPROTO.TCP],
        [AF_INET, SOCK_DGRAM, 0],
        [AF_INET6, SOCK_DGRAM, IPPROTO.UDP],
        [AF_INET, SOCK_RAW, IPPROTO.ICMP],
      ] as const) {
        const x = t.socket('client', 'x', family, type, protocol);
        x.get('SO_DOMAIN');
        x.get('SO_TYPE');
        x.get('SO_PROTOCOL');
        x.get('SO_ACCEPTCONN');
        x.close();
      }
    },
  },
];

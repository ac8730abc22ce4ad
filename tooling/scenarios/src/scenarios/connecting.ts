/** `connect`: how it goes on, how it fails, and what it says when asked again. */
import { AF_INET6, POLL, SHUT_RD, SHUT_RDWR, SHUT_WR } from '@netmem/uapi';
import type { RecordedSocket } from '../recorded-socket.ts';
import { PORT, type Scenario } from '../scenario-run.ts';

/** An address that nobody answers for: this host has no route to it. */
const UNROUTED = { ip: '203.0.113.1', port: PORT };

export const CONNECTING: readonly Scenario[] = [
  {
    id: 'connect: in progress, done, done before',
    run(t) {
      t.listener();
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.get('SO_ERROR');
      c.connect(t.at('server'));
      c.connect(t.at('server'));
      c.connect(t.at('server', PORT + 1));
      c.getpeername();
    },
  },
  {
    id: 'connect: done, told by SO_ERROR and a write, never by connect',
    run(t) {
      t.listener();
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.send('a');
      c.recv(1);
      c.connect(t.at('server'));
      c.connect(t.at('server'));
    },
  },
  {
    id: 'connect: refused, told by connect',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.poll();
      c.connect(t.at('server'));
      c.poll();
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.connect(t.at('server'));
    },
  },
  {
    id: 'connect: refused, told by SO_ERROR, then by connect as aborted',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.get('SO_ERROR');
      c.get('SO_ERROR');
      c.poll();
      c.connect(t.at('server'));
      c.getsockname();
      c.getpeername();
    },
  },
  {
    id: 'connect: refused, told by recv',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.recv(1);
      c.recv(1);
      c.send('a');
      c.connect(t.at('server'));
    },
  },
  {
    id: 'connect: refused, told by send',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.send('a');
      c.send('a');
      c.recv(1);
    },
  },
  {
    id: 'connect: refused, then accepted on the same socket',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.connect(t.at('server'));
      const l = t.listener();
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.connect(t.at('server'));
      const s = l.accept('s');
      c.send('second try');
      s.recv(20);
    },
  },
  {
    id: 'connect: calls while it is under way',
    run(t) {
      const l = t.listener(0);
      t.quietly(() => t.tcp('client', 'c1').connect(t.at('server')));
      // The accept queue is full: the SYN is dropped.
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.connect(t.at('server'));
      c.connect(t.at('server', PORT + 1));
      c.poll();
      c.send('a');
      c.recv(1);
      c.recv(0);
      c.getpeername();
      c.get('SO_ERROR');
      c.bind(t.at('client'));
      c.listen(1);
      l.poll();
      c.close();
    },
  },
  {
    id: 'connect: shut down while under way',
    run(t) {
      t.listener(0);
      t.quietly(() => t.tcp('client', 'c1').connect(t.at('server')));
      for (const how of [SHUT_WR, SHUT_RD, SHUT_RDWR]) {
        const c = t.tcp('client', 'c');
        c.connect(t.at('server'));
        c.shutdown(how);
        c.poll();
        c.connect(t.at('server'));
        c.get('SO_ERROR');
        c.send('a');
        c.recv(1);
        c.close();
      }
    },
  },
  {
    id: 'connect: given up by AF_UNSPEC, and again',
    run(t) {
      const l = t.listener();
      const c = t.tcp('client', 'c');
      c.connect(null);
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.connect(t.at('server'));
      c.send('abc');
      const s = l.accept('s');
      c.connect(null);
      c.poll();
      c.getpeername();
      c.getsockname();
      c.send('a');
      s.recv(10);
      s.recv(10);
      s.poll();
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.connect(t.at('server'));
      l.accept('s2');
    },
  },
  {
    id: 'connect: bound sockets keep their address when disconnected',
    run(t) {
      const c = t.tcp('client', 'c');
      c.bind(t.at('client', PORT + 5));
      t.listener();
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.connect(null);
      c.getsockname();
      c.getpeername();
    },
  },
  {
    id: 'connect: to nowhere',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(UNROUTED);
      c.getsockname();
      c.poll();
      c.get('SO_ERROR');
      c.connect({ ip: '224.0.0.1', port: PORT });
      c.connect({ ip: '255.255.255.255', port: PORT });
      const u = t.udp('client', 'u');
      u.connect(UNROUTED);
      u.sendTo(UNROUTED, 'a');
    },
  },
  {
    id: 'connect: to port 0',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(t.at('server', 0));
      c.until(POLL.OUT);
      c.connect(t.at('server', 0));
      t.udp('client', 'u').connect(t.at('server', 0));
    },
  },
  {
    id: 'connect: to the unspecified address is to oneself',
    run(t) {
      const l = t.tcp('server', 'l');
      l.bind(t.any());
      l.listen(4);
      const c = t.tcp('server', 'c');
      c.connect(t.any());
      c.until(POLL.OUT);
      const s = l.accept('s');
      c.send('to myself');
      s.recv(20);
      const u = t.udp('server', 'u');
      u.bind(t.any(PORT + 1));
      const v = t.udp('server', 'v');
      v.connect(t.any(PORT + 1));
      v.send('a datagram');
      u.recv(20);
      v.sendTo(t.any(PORT + 1), 'another');
      u.recv(20);
    },
  },
  {
    id: 'connect: from a listener, and twice from one port',
    run(t) {
      const l = t.listener();
      l.connect(t.at('server', PORT + 1));
      const c1 = t.tcp('client', 'c1');
      const c2 = t.tcp('client', 'c2');
      for (const c of [c1, c2]) {
        c.set('SO_REUSEADDR', 1);
        c.bind(t.at('client', PORT + 2));
      }
      c1.connect(t.at('server'));
      c2.connect(t.at('server'));
      c2.getsockname();
      c2.connect(t.at('server', PORT + 1));
    },
  },
  {
    id: 'connect: after the peer reset the connection',
    run(t) {
      const { client, server } = t.connected();
      server.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
      server.close();
      client.poll();
      client.connect(t.at('server'));
      client.get('SO_ERROR');
      client.connect(t.at('server'));
      client.connect(null);
      client.connect(t.at('server'));
      client.until(POLL.OUT);
      client.connect(t.at('server'));
    },
  },
  {
    id: 'connect: both to each other at once',
    run(t) {
      const c = t.tcp('client', 'c');
      const s = t.tcp('server', 's');
      c.bind(t.at('client', PORT + 1));
      s.bind(t.at('server'));
      t.crossing([c, s], () => {
        c.connect(t.at('server'));
        s.connect(t.at('client', PORT + 1));
      });
      c.until(POLL.OUT);
      s.until(POLL.OUT);
      c.connect(t.at('server'));
      s.connect(t.at('client', PORT + 1));
      c.send('from c');
      s.recv(10);
      s.send('from s');
      c.recv(10);
    },
  },
  {
    id: 'connect: again between the same ports, one of them in TIME_WAIT',
    run(t) {
      const l = t.listener();
      const dial = (name: string): RecordedSocket => {
        const c = t.tcp('client', name);
        c.set('SO_REUSEADDR', 1);
        c.bind(t.at('client', PORT + 1));
        c.connect(t.at('server'));
        return c;
      };
      const first = dial('first');
      const s1 = l.accept('s1');
      s1.close();
      first.recv(1);
      first.close();
      const second = dial('second');
      second.until(POLL.OUT);
      const s2 = l.accept('s2');
      second.send('once more');
      s2.recv(20);
      second.close();
      s2.recv(1);
      s2.close();
      dial('third');
    },
  },
  {
    id: 'connect: link-local addresses need a scope',
    run(t) {
      const x = t.tcp('client', 'x', AF_INET6);
      x.bind({ ip: 'fe80::1', port: PORT });
      x.connect({ ip: 'fe80::1', port: PORT });
      const u = t.udp('client', 'u', AF_INET6);
      u.bind({ ip: 'fe80::1', port: PORT });
      u.bind({ ip: 'ff02::1', port: PORT });
      u.connect({ ip: 'fe80::1', port: PORT });
      u.connect({ ip: 'ff02::1', port: PORT });
      x.connect({ ip: 'ff02::1', port: PORT });
      t.listener(1, AF_INET6).connect({ ip: 'fe80::1', port: PORT });
    },
  },
  {
    id: 'connect: to itself',
    run(t) {
      const c = t.tcp('client', 'c');
      c.bind(t.at('client'));
      c.connect(t.at('client'));
      c.until(POLL.OUT);
      c.getpeername();
      c.send('echo');
      c.recv(10);
      c.shutdown(SHUT_WR);
      c.recv(10);
      c.poll();
    },
  },
];
